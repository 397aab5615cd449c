// An exchange is the state of one request while its application runs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "boundary/request.hpp"

namespace brine::wsgi {

class Observation;

/// Lives on the stack of the thread that serves the request. The request's Python objects
/// (`wsgi.input`, start_response, write) point to it, and are cut off from it when the request
/// ends.
struct Exchange {
  Request& request;
  ResponseWriter& response;

  bool in_use = false;  ///< guarded by the GIL, see ExchangeUse

  Observation* observation = nullptr;  ///< null: nobody wants to know of the request
  bool has_data = false;               ///< guarded by the GIL, see Events

  // Members guarded by the GIL, see Interruptible:
  bool interruptible = false;  ///< mod_wsgi.RequestTimeout may be raised in the application
  bool interrupted = false;    ///< the exception was raised, if Python code has run since

  // The response so far:
  bool started = false;        ///< start_response has been called
  bool sent = false;           ///< the head has been sent, so it cannot be replaced
  bool ended = false;          ///< End::last has been sent, or the response aborted
  bool client_gone = false;    ///< a write failed
  bool over_run = false;       ///< more than Content-Length was offered; reported once
  bool bodyless = false;       ///< the status (204, 304) or HEAD forbids a body
  bool stopped = false;        ///< write() has raised an exception since no further block is wanted
  int empty_blocks = 0;        ///< empty blocks of a body that no client gets
  std::string left_out{};      ///< the hop-by-hop fields that were left out, for the log
  std::int64_t declared = -1;  ///< the application's Content-Length, or -1
  std::int64_t length = 0;     ///< bytes of the body that were sent

  // The request's body so far:
  std::uint64_t reads = 0;  ///< reads by the application
  std::size_t taken = 0;    ///< bytes of Head::body_start handed out
  std::string ahead{};      ///< bytes read from the server and not handed out (readline)
  std::size_t ahead_taken = 0;
  std::int64_t received = 0;  ///< bytes that Request::read() returned
  bool body_ended = false;
  ReadStatus read_status = ReadStatus::ok;  ///< the failure of a read; it stays

  /// Returns true if a further block of the body is of no use: the client has gone, or the response
  /// has all that it can have. The application's iterable may have no end.
  bool satisfied() const noexcept { return client_gone || over_run || (bodyless && ended); }
};

}  // namespace brine::wsgi

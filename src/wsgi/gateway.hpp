// Gateway runs one request through a WSGI application: environ, call, iterate, close (PEP 3333).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "cpython/error.hpp"
#include "cpython/ref.hpp"
#include "wsgi/asker.hpp"
#include "wsgi/environ.hpp"
#include "wsgi/events.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/interpreter_info.hpp"
#include "wsgi/server_access.hpp"
#include "wsgi/start_response.hpp"

namespace brine::wsgi {

/// The result of serving, and the part of the response that is to be sent after the GIL has been
/// released.
struct Reply {
  Outcome outcome = Outcome::completed;
  /// A complete small body, in memory of ResponseWriter::allocate().
  std::optional<std::string_view> body;
};

/// Serves requests in one interpreter, whose GIL guards all members.
class Gateway {
 public:
  /// Functions and classes of script/bootstrap.py.
  struct Parts {
    PyObject* file_wrapper;
    PyObject* plain_file;
    PyObject* make_log;
    PyObject* adviser;  ///< see cpython::take_error
    PyObject* complete_module;
  };

  /// Makes the interpreter's standard streams and its `mod_wsgi` module. Throws ErrorSet.
  Gateway(const cpython::GilLock& gil, const InterpreterInfo& interpreter_info, const Parts& parts);

  /// Calls the application and sends its response. An ordinary response is left in the Reply for
  /// finish(); others are sent with the GIL released. Every failure has been logged when the
  /// function returns. The caller has a LogScope for the request.
  Reply serve(cpython::GilLock& gil, PyObject* application, std::string_view script,
              Exchange& exchange);

  /// Tells of the end of an observed request, which serve() has begun. If somebody has subscribed,
  /// the client gets its whole response first, however long the subscriber takes. The caller has a
  /// LogScope for the request.
  void finished(cpython::GilLock& gil, Exchange& exchange, Outcome outcome);

  /// As Asker::ask, with the LogScope that `serve` needs.
  Outcome ask(cpython::GilLock& gil, PyObject* module, PyObject* function, const Target& target,
              Exchange& exchange);

  /// Raises mod_wsgi.RequestTimeout in the thread (Python's identifier) that serves `exchange` in
  /// this interpreter, as soon as the application runs Python code again. Returns false if the
  /// application is not running.
  bool interrupt(const cpython::GilLock& gil, Exchange& exchange, unsigned long thread) const;

  /// Sends what serve() left, and returns how the request ended. BLOCKS, so the caller must not
  /// hold the GIL.
  static Outcome finish(Exchange& exchange, const Reply& reply) noexcept;

 private:
  cpython::Ref call(cpython::GilLock& gil, PyObject* application, PyObject* environ,
                    PyObject* start_response) const;
  void deliver(cpython::GilLock& gil, PyObject* result, const StartArguments& arguments,
               Exchange& exchange, Reply& reply) const;
  bool deliver_file(cpython::GilLock& gil, PyObject* wrapper, const StartArguments& arguments,
                    Exchange& exchange) const;
  void close(cpython::GilLock& gil, PyObject* result, Exchange& exchange);
  void tell_left_out(const Exchange& exchange, std::string_view script);
  Reply raised(cpython::GilLock& gil, Exchange& exchange, std::string_view script);

  Events events_;

  cpython::Ref input_type_;
  cpython::Ref start_response_type_;
  cpython::Ref file_wrapper_;
  cpython::Ref plain_file_;
  cpython::Ref adviser_;
  cpython::Ref request_timeout_;  ///< mod_wsgi.RequestTimeout
  ServerAccess access_;
  cpython::Ref input_key_;
  cpython::Ref close_name_;
  cpython::Ref constants_;  ///< of each environ
  std::optional<Environ> environ_;
  std::unique_ptr<Asker> asker_;             ///< made with the first question
  std::set<std::string, std::less<>> told_;  ///< scripts whose hop-by-hop fields have been logged
};

}  // namespace brine::wsgi

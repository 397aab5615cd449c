// start_response and write (PEP 3333, "The start_response() Callable").
#pragma once

#include <span>
#include <string_view>

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type of `start_response`. An instance is called with (status, headers[, exc_info]) and
/// returns `write`.
cpython::Ref make_start_response_type(const cpython::GilLock& gil);

/// What start_response was called with last.
struct StartArguments {
  cpython::Ref status;
  cpython::Ref headers;
};

/// An instance for one request.
cpython::Ref make_start_response(const cpython::GilLock& gil, PyObject* type, Exchange& exchange,
                                 StartArguments& arguments);

/// Gives the answer's head once more, as the application gave it but for its Content-Length.
/// Nothing may have been sent.
void forget_length(const cpython::GilLock& gil, Exchange& exchange,
                   const StartArguments& arguments);

/// Cuts it off: called after the request it raises RuntimeError.
void end_start_response(PyObject* start_response) noexcept;

/// How many of the next `size` bytes of the body may be sent: all, or fewer where the
/// application's Content-Length would be exceeded (reported once).
std::size_t allowed(Exchange& exchange, std::size_t size) noexcept;

/// Counts an empty block, which is nothing (PEP 3333: the head waits for body data). True where the
/// answer has no body and empty blocks may come without an end: it then ends with its head.
bool is_one_too_many(Exchange& exchange) noexcept;

/// Sends one block with the GIL released, and counts it; the last one that Content-Length announced
/// takes the response's end with it, and so does the first one of an answer that has no body. An
/// empty one is for is_one_too_many() to judge.
void send_block(cpython::GilLock& gil, Exchange& exchange, std::string_view block);

}  // namespace brine::wsgi

// Makes start_response and write (PEP 3333, "The start_response() Callable").
#pragma once

#include <span>
#include <string_view>

#include "cpython/ref.hpp"
#include "wsgi/events.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type of `start_response`. An instance is called with (status, headers[, exc_info]) and
/// returns `write`. Throws ErrorSet.
cpython::Ref make_start_response_type(const cpython::GilLock& gil);

/// The arguments of the last call of start_response.
struct StartArguments {
  cpython::Ref status;
  cpython::Ref headers;
};

/// Makes an instance for one request, whose start `events` tells of if it is observed. Throws
/// ErrorSet.
cpython::Ref make_start_response(const cpython::GilLock& gil, PyObject* type, Exchange& exchange,
                                 Events& events, StartArguments& arguments);

/// Sets the response's head again without its Content-Length. Nothing may have been sent. Throws
/// ErrorSet.
void forget_length(const cpython::GilLock& gil, Exchange& exchange,
                   const StartArguments& arguments);

/// Cuts the instance off from the request: called afterwards, it raises RuntimeError.
void end_start_response(PyObject* start_response) noexcept;

/// Returns how many of the next `size` bytes of the body may be sent: all, or fewer if they exceed
/// the application's Content-Length (reported once).
std::size_t allowed(Exchange& exchange, std::size_t size) noexcept;

/// Counts an empty block, which is no body data (PEP 3333: the head waits for body data). Returns
/// true if the response has no body and there have been too many of them, as they may never end: it
/// then ends with its head.
bool is_one_too_many(Exchange& exchange) noexcept;

/// Sends one block with the GIL released, and counts it. The response's end goes with the last
/// block that Content-Length announced, and with the first block of a response that has no body.
/// is_one_too_many() judges empty blocks before. Throws ErrorSet.
void send_block(cpython::GilLock& gil, Exchange& exchange, std::string_view block);

}  // namespace brine::wsgi

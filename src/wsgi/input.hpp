// `wsgi.input` (PEP 3333, "Input and Error Streams").
#pragma once

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type `mod_wsgi.Input`: read, readline, readlines, readinto, iteration. An input ends
/// with the request's body (`wsgi.input_terminated`). A failed read raises OSError, or its subclass
/// ConnectionResetError if the client has gone. Throws ErrorSet.
cpython::Ref make_input_type(const cpython::GilLock& gil);

/// Makes an instance for one request. Throws ErrorSet.
cpython::Ref make_input(const cpython::GilLock& gil, PyObject* type, Exchange& exchange);

/// Cuts the instance off from the request: the application may keep it, but gets RuntimeError from
/// it.
void end_input(PyObject* input) noexcept;

}  // namespace brine::wsgi

// `wsgi.input` (PEP 3333, "Input and Error Streams").
#pragma once

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type `mod_wsgi.Input`: read, readline, readlines, readinto, iteration. It ends with
/// the request's body (`wsgi.input_terminated`). Read failures raise OSError; once the client has
/// gone its subclass ConnectionResetError.
cpython::Ref make_input_type(const cpython::GilLock& gil);

/// An instance for one request.
cpython::Ref make_input(const cpython::GilLock& gil, PyObject* type, Exchange& exchange);

/// Cuts it off: the application may keep the object, but gets RuntimeError from it.
void end_input(PyObject* input) noexcept;

}  // namespace brine::wsgi

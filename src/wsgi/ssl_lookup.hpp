// Makes `mod_ssl.is_https` and `mod_ssl.var_lookup` of an environ.
#pragma once

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type of both: functions that ask the server about the request's connection.
cpython::Ref make_ssl_lookup_type(const cpython::GilLock& gil);

/// Makes `is_https() -> bool` for one request.
cpython::Ref make_is_https(const cpython::GilLock& gil, PyObject* type, Exchange& exchange);

/// Makes `var_lookup(name) -> str or None` for one request.
cpython::Ref make_var_lookup(const cpython::GilLock& gil, PyObject* type, Exchange& exchange);

/// Cuts one of them off from its request: called afterwards, it raises RuntimeError.
void end_ssl_lookup(PyObject* lookup) noexcept;

}  // namespace brine::wsgi

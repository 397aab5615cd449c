// Makes `mod_ssl.is_https` and `mod_ssl.var_lookup` of an environ.
#pragma once

#include <cstdint>

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Makes the type of both: functions that ask the server about the request's connection.
cpython::Ref make_ssl_lookup_type(const cpython::GilLock& gil);

/// The two functions of the type.
enum class SslFunction : std::uint8_t {
  is_https,    ///< () -> bool
  var_lookup,  ///< (name: str or bytes) -> str or None
};

/// Makes one of them, which is of no use before begin_ssl_lookup().
cpython::Ref make_ssl_lookup(const cpython::GilLock& gil, PyObject* type, SslFunction function);

/// Has it ask about a request.
void begin_ssl_lookup(PyObject* lookup, Exchange& exchange) noexcept;

/// Cuts one of them off from its request: called afterwards, it raises RuntimeError.
void end_ssl_lookup(PyObject* lookup) noexcept;

}  // namespace brine::wsgi

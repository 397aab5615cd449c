// Converts text between the server, which has bytes, and a script that answers questions, which has
// str.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpython/ref.hpp"

namespace brine::wsgi {

/// Decodes a name, a password or a certificate's value: UTF-8, or latin-1 if it is not.
cpython::Ref to_str(const cpython::GilLock& gil, std::string_view bytes);

/// Returns the bytes of a str (as UTF-8) or of a bytes object; nothing for another object.
std::optional<std::string> to_bytes(const cpython::GilLock& gil, PyObject* object);

}  // namespace brine::wsgi

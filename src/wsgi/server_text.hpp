// Text between the server and a script that answers questions: bytes for one, str for the other.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cpython/ref.hpp"

namespace brine::wsgi {

/// A name, a password or a certificate's value as str: of UTF-8, and where it is none, of latin-1.
cpython::Ref to_str(const cpython::GilLock& gil, std::string_view bytes);

/// The bytes of a str (as UTF-8) or of a bytes object; none of another object.
std::optional<std::string> to_bytes(const cpython::GilLock& gil, PyObject* object);

}  // namespace brine::wsgi

// From Python's exceptions to text for the log, and from C++ to a Python exception.
#pragma once

#include <string>
#include <string_view>

#include "cpython/ref.hpp"

namespace brine::cpython {

/// A Python exception as text: it can leave the interpreter, a Python object cannot.
struct ErrorText {
  std::string summary;    ///< "ValueError: boom", one line
  std::string traceback;  ///< as Python prints it, with chained exceptions; ends without newline
  bool system_exit = false;
  std::string advice;  ///< what the adviser says of it; mostly empty
};

/// Takes the exception that is set out of the interpreter. Frames of Brine's own Python code are
/// left out. Never fails: where formatting raises, what can be said is said. `adviser`, if there is
/// one, is called with the exception and returns what else is to be logged of it, or None.
ErrorText take_error(const GilLock& gil, PyObject* adviser = nullptr) noexcept;

/// Whether the exception that is set is of `type`, or was raised because of one that is or while
/// one was handled. It stays set.
bool error_comes_of(const GilLock& gil, PyObject* type) noexcept;

/// Sets a Python exception and throws ErrorSet.
[[noreturn]] void raise(const GilLock& gil, PyObject* type, std::string_view message);

/// A `str` as UTF-8 for messages; "?" where there is none. Clears errors.
std::string to_utf8(const GilLock& gil, PyObject* object) noexcept;

/// A `str` of UTF-8 text; bytes that are none become \xNN.
Ref from_utf8(const GilLock& gil, std::string_view text);

}  // namespace brine::cpython

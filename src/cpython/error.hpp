// Turns Python's exceptions into text for the log, and C++ errors into Python exceptions.
#pragma once

#include <string>
#include <string_view>

#include "cpython/ref.hpp"

namespace brine::cpython {

/// A Python exception as text, which can leave the interpreter as a Python object cannot.
struct ErrorText {
  std::string summary;    ///< "ValueError: boom", one line
  std::string traceback;  ///< as Python prints it, with chained exceptions; no newline at the end
  bool system_exit = false;
  std::string advice;  ///< the adviser's text; mostly empty
};

/// Takes the set exception out of the interpreter. Frames of Brine's own Python code are left out.
/// Never fails: if formatting raises, the text has what could be formatted. `adviser`, if not null,
/// is called with the exception and returns a further text for the log, or None.
ErrorText take_error(const GilLock& gil, PyObject* adviser = nullptr) noexcept;

/// Returns true if the set exception is of `type`, or has one of that type in its chain (__cause__,
/// __context__). The exception stays set.
bool error_comes_of(const GilLock& gil, PyObject* type) noexcept;

/// Sets a Python exception, and throws ErrorSet.
[[noreturn]] void raise(const GilLock& gil, PyObject* type, std::string_view message);

/// Returns a `str` as UTF-8 for messages; "?" on failure. Clears Python's errors.
std::string to_utf8(const GilLock& gil, PyObject* object) noexcept;

/// Makes a `str` of UTF-8 text; invalid bytes become \xNN.
Ref from_utf8(const GilLock& gil, std::string_view text);

}  // namespace brine::cpython

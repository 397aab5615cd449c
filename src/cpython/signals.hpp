// Does what CPython's own start does about signals, and unblocks them for programs that Python
// starts.
#pragma once

#include <Python.h>

namespace brine::cpython {

/// Ignores the signals that CPython ignores when it handles signals itself, unless the process has
/// set a handler: a failed write then raises an exception and does not end the process.
void ignore_python_signals() noexcept;

/// call_unmasked(function, args, kwargs) calls a function that starts a program, with all signals
/// of the thread unblocked: the program inherits the calling thread's signal mask.
extern PyMethodDef call_unmasked_method;

}  // namespace brine::cpython

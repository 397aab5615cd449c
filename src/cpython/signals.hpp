// What CPython's own start does about signals, and what programs that Python starts inherit.
#pragma once

#include <Python.h>

namespace brine::cpython {

/// Ignores the signals that CPython ignores when it handles signals itself, where nobody else has
/// said what is to be done: a write that cannot be done is an exception then, and not the process's
/// end.
void ignore_python_signals() noexcept;

/// call_unmasked(function, args, kwargs): calls a function that starts a program, which inherits
/// the calling thread's signal mask, while this thread blocks no signals.
extern PyMethodDef call_unmasked_method;

}  // namespace brine::cpython

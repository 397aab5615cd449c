// The extension module brine._guard, which is the guard's core as Python sees it.
#pragma once

#include <Python.h>

#include "pickle/guard.hpp"

namespace brine::pickle {

/// Returns the definition of the module, for PyInit__guard and for the engine. Initialisation is
/// multi-phase (PEP 489): each interpreter has its own module and Guard.
PyModuleDef& guard_module_def() noexcept;

/// Returns the guard of a module that was made from this definition.
Guard& guard_of(PyObject* module) noexcept;

/// Returns the functions that the guard puts in the place of pickle's; functions.cpp.
PyMethodDef* guarded_functions() noexcept;

/// Makes the type brine._guard.StreamScanner; stream_scanner.cpp. Throws ErrorSet.
cpython::Ref make_stream_scanner_type(const cpython::GilLock& gil);

}  // namespace brine::pickle

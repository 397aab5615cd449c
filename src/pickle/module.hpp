// The extension module brine._guard: the guard's core as Python sees it.
#pragma once

#include <Python.h>

#include "pickle/guard.hpp"

namespace brine::pickle {

/// For PyInit__guard, and for the engine, which makes the module itself. Multi-phase (PEP 489):
/// each interpreter has a module, and a Guard, of its own.
PyModuleDef& guard_module_def() noexcept;

/// The guard of a module that was made from this definition.
Guard& guard_of(PyObject* module) noexcept;

/// What the guard put in the place of pickle's functions; functions.cpp.
PyMethodDef* guarded_functions() noexcept;

/// brine._guard.StreamScanner; stream_scanner.cpp.
cpython::Ref make_stream_scanner_type(const cpython::GilLock& gil);

}  // namespace brine::pickle

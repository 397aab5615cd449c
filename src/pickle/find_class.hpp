// The names that a pickle has looked up, heard of before that is done: by CPython's audit event
// pickle.find_class.
#pragma once

#include <Python.h>

#include "cpython/gil.hpp"

namespace brine::pickle {

/// Has `check(module, name)` called in this interpreter before an Unpickler looks up a class or a
/// function, also one that is not the guard's; what it raises is raised by the load. A later call
/// replaces the function. Throws ErrorSet.
void watch_find_class(const cpython::GilLock& gil, PyObject* check);

}  // namespace brine::pickle

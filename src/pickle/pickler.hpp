// Makes the classes Pickler and Unpickler that programs find in `pickle`: subclasses of pickle's
// own.
#pragma once

#include "cpython/ref.hpp"
#include "pickle/guard.hpp"

namespace brine::pickle {

/// Make the classes of an interpreter, whose brine._guard is `module`. Throw ErrorSet.
cpython::Ref make_pickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);
cpython::Ref make_unpickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);

}  // namespace brine::pickle

// The classes Pickler and Unpickler that programs find in `pickle`: subclasses of pickle's own.
#pragma once

#include "cpython/ref.hpp"
#include "pickle/guard.hpp"

namespace brine::pickle {

/// Make the classes for an interpreter; `module` is its brine._guard.
cpython::Ref make_pickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);
cpython::Ref make_unpickler_type(const cpython::GilLock& gil, Guard& guard, PyObject* module);

}  // namespace brine::pickle

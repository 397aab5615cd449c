// Instances of types that are made by PyType_FromSpec and hold no references.
#pragma once

#include <Python.h>

#include "cpython/ref.hpp"

namespace brine::cpython {

/// A new instance of `type`, whose C++ layout is T (a struct that opens with PyObject_HEAD); the
/// caller fills in the other members. Throws ErrorSet where memory has run out.
template <class T>
Ref make_instance(const GilLock& gil, PyObject* type) {
  return steal(gil,
               reinterpret_cast<PyObject*>(PyObject_New(T, reinterpret_cast<PyTypeObject*>(type))));
}

/// Their Py_tp_dealloc: an instance of a heap type owns a reference to its type.
inline void free_instance(PyObject* self) noexcept {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace brine::cpython

// Makes and frees instances of types that PyType_FromSpec makes and that hold no references.
#pragma once

#include <Python.h>

#include "cpython/ref.hpp"

namespace brine::cpython {

/// Allocates an instance of `type`, whose C++ layout is T (a struct that begins with
/// PyObject_HEAD); the caller fills in the other members. Throws ErrorSet if memory has run out.
template <class T>
Ref make_instance(const GilLock& gil, PyObject* type) {
  return steal(gil,
               reinterpret_cast<PyObject*>(PyObject_New(T, reinterpret_cast<PyTypeObject*>(type))));
}

/// The Py_tp_dealloc of these types. An instance of a heap type owns a reference to its type.
inline void free_instance(PyObject* self) noexcept {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

}  // namespace brine::cpython

// FastFunction calls a function of an extension module without the interpreter's layers around it,
// for a function that stands in its place and has gone through these layers itself.
#pragma once

#include <Python.h>

#include <cstddef>
#include <utility>

#include "cpython/ref.hpp"

namespace brine::cpython {

/// A function, which is called by its C code where that takes its arguments as they come
/// (METH_FASTCALL | METH_KEYWORDS), and else as any other. Like PyObject_Vectorcall(), but the
/// interpreter neither counts the depth of the recursion nor checks the result a second time.
class FastFunction {
 public:
  FastFunction() noexcept = default;
  explicit FastFunction(Ref function) noexcept : function_(std::move(function)) {
    PyObject* object = function_.get();
    if (!PyCFunction_CheckExact(object)) return;
    if (PyCFunction_GET_FLAGS(object) != (METH_FASTCALL | METH_KEYWORDS)) return;
    self_ = PyCFunction_GET_SELF(object);
    code_ = reinterpret_cast<Code>(reinterpret_cast<void (*)()>(PyCFunction_GET_FUNCTION(object)));
  }

  /// Returns a borrowed reference.
  PyObject* get() const noexcept { return function_.get(); }

  /// Returns a new reference; null, with Python's exception set, if the function fails. `keywords`:
  /// a tuple of names, or null.
  PyObject* call(PyObject* const* values, Py_ssize_t positional,
                 PyObject* keywords) const noexcept {
    if (code_ != nullptr) return code_(self_, values, positional, keywords);
    return PyObject_Vectorcall(function_.get(), values, static_cast<std::size_t>(positional),
                               keywords);
  }

 private:
  using Code = PyObject* (*)(PyObject*, PyObject* const*, Py_ssize_t, PyObject*);

  Ref function_;
  PyObject* self_ = nullptr;  // of the function, which owns it
  Code code_ = nullptr;       // null: it is to be called as any other
};

}  // namespace brine::cpython

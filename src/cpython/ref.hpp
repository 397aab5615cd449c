// Owning a Python reference. A plain PyObject* is always borrowed: a parameter or a local.
#pragma once

#include <Python.h>

#include <utility>

#include "cpython/gil.hpp"

namespace brine::cpython {

/// Thrown where the interpreter's error indicator is set (PyErr_Occurred()): the Python exception
/// stays there, and whoever catches this turns it into a log text or returns it to Python.
struct ErrorSet {};

/// Owns one reference. Made by steal() or borrow(), so that each acquisition says which it is. It
/// must die on a thread that holds the GIL.
class Ref {
 public:
  Ref() noexcept = default;
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    Ref old(std::move(*this));
    object_ = std::exchange(other.object_, nullptr);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  PyObject* get() const noexcept { return object_; }
  /// Hands the reference to the caller.
  PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  friend Ref steal(const GilLock&, PyObject* object);
  friend Ref borrow(const GilLock&, PyObject* object) noexcept;
  explicit Ref(PyObject* object) noexcept : object_(object) {}
  PyObject* object_ = nullptr;
};

/// Takes over a new reference; throws ErrorSet if it is null, as CPython returns on error.
inline Ref steal(const GilLock&, PyObject* object) {
  if (object == nullptr) throw ErrorSet{};
  return Ref(object);
}

/// Adds a reference of its own to a borrowed object; null gives an empty Ref.
inline Ref borrow(const GilLock&, PyObject* object) noexcept {
  Py_XINCREF(object);
  return Ref(object);
}

/// Throws ErrorSet if a CPython function that returns an int failed.
inline void check(const GilLock&, int result) {
  if (result < 0) throw ErrorSet{};
}

}  // namespace brine::cpython

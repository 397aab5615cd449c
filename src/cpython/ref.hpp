// Ref owns a Python reference. A plain PyObject* is always borrowed, as a parameter or a local.
#pragma once

#include <Python.h>

#include <atomic>
#include <cstdint>
#include <utility>

#include "cpython/gil.hpp"

namespace brine::cpython {

/// Thrown while the interpreter's error indicator is set (PyErr_Occurred()). The Python exception
/// stays set; whoever catches this turns it into text for the log, or returns null to Python.
struct ErrorSet {};

#ifdef NDEBUG
inline constexpr bool kCountsReferences = false;
inline void count_reference(PyObject*, int) noexcept {}
inline std::int64_t owned_references() noexcept { return 0; }
#endif
#ifndef NDEBUG
/// True in debug builds, which count the references that all Refs own; the unit tests check the
/// count for leaks.
inline constexpr bool kCountsReferences = true;
inline std::atomic<std::int64_t> owned_by_refs{0};
inline void count_reference(PyObject* object, int change) noexcept {
  if (object != nullptr) owned_by_refs.fetch_add(change, std::memory_order_relaxed);
}
inline std::int64_t owned_references() noexcept { return owned_by_refs.load(); }
#endif

/// Owns one reference. steal() and borrow() make it, so that each acquisition says which it is. It
/// must be destroyed on a thread that holds the GIL.
class Ref {
 public:
  Ref() noexcept = default;
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref&& other) noexcept {
    Ref old(std::move(*this));
    object_ = std::exchange(other.object_, nullptr);
    return *this;
  }
  ~Ref() {
    count_reference(object_, -1);
    Py_XDECREF(object_);
  }

  PyObject* get() const noexcept { return object_; }
  /// Gives the reference to the caller.
  PyObject* release() noexcept {
    count_reference(object_, -1);
    return std::exchange(object_, nullptr);
  }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  friend Ref steal(const GilLock&, PyObject* object);
  friend Ref borrow(const GilLock&, PyObject* object) noexcept;
  explicit Ref(PyObject* object) noexcept : object_(object) { count_reference(object, 1); }
  PyObject* object_ = nullptr;
};

/// Takes over a new reference. Throws ErrorSet if `object` is null, which CPython returns on error.
inline Ref steal(const GilLock&, PyObject* object) {
  if (object == nullptr) throw ErrorSet{};
  return Ref(object);
}

/// Adds a reference to a borrowed object; null gives an empty Ref.
inline Ref borrow(const GilLock&, PyObject* object) noexcept {
  Py_XINCREF(object);
  return Ref(object);
}

/// Throws ErrorSet if a CPython function returned -1.
inline void check(const GilLock&, int result) {
  if (result < 0) throw ErrorSet{};
}

/// Puts a value into a dict. Throws ErrorSet.
inline void set_item(const GilLock& gil, PyObject* dict, const char* key, const Ref& value) {
  check(gil, PyDict_SetItemString(dict, key, value.get()));
}

}  // namespace brine::cpython

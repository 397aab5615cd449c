// Represents the GIL as a type: a function that uses Python takes a GilLock parameter.
#pragma once

#include <Python.h>

namespace brine::cpython {

/// True if this Python was built so that it can run without a GIL (PEP 703).
#ifdef Py_GIL_DISABLED
inline constexpr bool kIsFreeThreaded = true;
#endif
#ifndef Py_GIL_DISABLED
inline constexpr bool kIsFreeThreaded = false;
#endif

/// Proves that this thread holds the GIL. `const GilLock&` in a signature means that the function
/// needs the GIL and keeps it; `GilLock&` means that it may release it for a while (GilRelease), so
/// that other threads may run Python.
class GilLock {
 public:
  /// Takes the GIL with a thread state of the calling thread. BLOCKS until it is free.
  explicit GilLock(PyThreadState* state) noexcept : owns_(true) { PyEval_RestoreThread(state); }
  ~GilLock() {
    if (owns_) PyEval_SaveThread();
  }
  GilLock(const GilLock&) = delete;
  GilLock& operator=(const GilLock&) = delete;

  /// Makes a lock in a C function that Python calls: the GIL is held already, and stays held.
  static GilLock adopt() noexcept { return GilLock(); }

 private:
  GilLock() noexcept : owns_(false) {}
  bool owns_;
};

/// Releases the GIL for the life of this object, around calls that may block.
class GilRelease {
 public:
  explicit GilRelease(GilLock&) noexcept : state_(PyEval_SaveThread()) {}
  ~GilRelease() { PyEval_RestoreThread(state_); }
  GilRelease(const GilRelease&) = delete;
  GilRelease& operator=(const GilRelease&) = delete;

 private:
  PyThreadState* state_;
};

}  // namespace brine::cpython

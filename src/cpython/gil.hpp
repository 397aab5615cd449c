// Holding the GIL, as a type: a function that touches Python takes a GilLock parameter.
#pragma once

#include <Python.h>

namespace brine::cpython {

/// Proof that this thread holds the GIL. `const GilLock&` in a signature: needs it and will not let
/// go of it; `GilLock&`: may let go of it for a while (GilRelease), so other threads' Python may
/// run.
class GilLock {
 public:
  /// Takes the GIL with a thread state of the calling thread; BLOCKS until it is free.
  explicit GilLock(PyThreadState* state) noexcept : owns_(true) { PyEval_RestoreThread(state); }
  ~GilLock() {
    if (owns_) PyEval_SaveThread();
  }
  GilLock(const GilLock&) = delete;
  GilLock& operator=(const GilLock&) = delete;

  /// For a C function that Python calls: the GIL is held already, and stays held.
  static GilLock adopt() noexcept { return GilLock(); }

 private:
  GilLock() noexcept : owns_(false) {}
  bool owns_;
};

/// Gives the GIL up for the life of this object, around what may block.
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

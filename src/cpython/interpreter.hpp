// One Python interpreter of the process: the main interpreter or a sub-interpreter.
#pragma once

#include <Python.h>

#include <string>
#include <utility>

#include "cpython/gil.hpp"

namespace brine::cpython {

/// A handle to an interpreter. Interpreters are never finalised: threads of the application may run
/// in them until the process ends, and finalising them under those threads makes servers hang or
/// crash when they stop.
class Interpreter {
 public:
  /// Returns the main interpreter. The calling thread has started Python and holds the GIL.
  static Interpreter main(const GilLock&);

  /// Makes a sub-interpreter. `lock` is held on the main interpreter, before and afterwards. Throws
  /// ErrorSet if Python cannot make one, and std::runtime_error if its C functions could not call
  /// back.
  static Interpreter sub(GilLock& lock);

  /// Runs `body(GilLock&)` with the GIL held in this interpreter. The thread state belongs to this
  /// pair of interpreter and thread, and is kept for the thread's life, so that `threading.local`
  /// survives.
  template <class Body>
  decltype(auto) with_gil(Body&& body) const {
    GilLock lock(thread_state());
    return std::forward<Body>(body)(lock);
  }

  bool is(const PyInterpreterState* state) const noexcept { return state_ == state; }

  /// Takes the GIL and never releases it: from then on no other thread of the process runs Python.
  void stop() const { PyEval_RestoreThread(thread_state()); }

 private:
  explicit Interpreter(PyInterpreterState* state) noexcept : state_(state) {}
  PyThreadState* thread_state() const;

  PyInterpreterState* state_;
};

}  // namespace brine::cpython

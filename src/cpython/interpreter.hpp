// One Python interpreter of the process: the main one or a sub-interpreter.
#pragma once

#include <Python.h>

#include <string>
#include <utility>

#include "cpython/gil.hpp"

namespace brine::cpython {

/// Interpreters are never destroyed: threads of the application may run in them until the process
/// ends, and finalising under them is what makes servers hang or crash when they stop.
class Interpreter {
 public:
  /// The main interpreter. The calling thread, which started Python, holds the GIL.
  static Interpreter main(const GilLock&);

  /// Makes a sub-interpreter; `lock` is held on the main interpreter, and is again afterwards.
  /// Throws ErrorSet if Python cannot make one.
  static Interpreter sub(GilLock& lock);

  /// Runs `body(GilLock&)` with the GIL held in this interpreter. The thread state belongs to the
  /// (interpreter, thread) pair and is kept for the thread's life, so `threading.local` survives.
  template <class Body>
  decltype(auto) with_gil(Body&& body) const {
    GilLock lock(thread_state());
    return std::forward<Body>(body)(lock);
  }

  bool is(const PyInterpreterState* state) const noexcept { return state_ == state; }

  /// Takes the GIL and never gives it back: from then on no thread of the process runs Python.
  void stop() const { PyEval_RestoreThread(thread_state()); }

 private:
  explicit Interpreter(PyInterpreterState* state) noexcept : state_(state) {}
  PyThreadState* thread_state() const;

  PyInterpreterState* state_;
};

}  // namespace brine::cpython

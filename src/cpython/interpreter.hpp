// One Python interpreter of the process: the main interpreter or a sub-interpreter.
#pragma once

#include <Python.h>

#include <string>
#include <utility>

#include "cpython/gil.hpp"

namespace brine::cpython {

/// True if this Python can give a sub-interpreter a GIL of its own (PEP 684).
inline constexpr bool kHasOwnGils = PY_VERSION_HEX >= 0x030C0000;

/// Says which GIL a sub-interpreter has: the main one's, or one of its own, with which its
/// threads run Python at the same time as those of other interpreters.
enum class Gil { shared, own };

/// A handle to an interpreter. Interpreters are never finalised: threads of the application may run
/// in them until the process ends, and finalising them under those threads makes servers hang or
/// crash when they stop.
class Interpreter {
 public:
  /// Returns the main interpreter. The calling thread has started Python and holds the GIL.
  static Interpreter main(const GilLock&);

  /// Finds out anew, in a process that was forked, what CPython has made anew for itself.
  static void note_fork(const GilLock&);

  /// Deletes the calling thread's states in all interpreters. The thread does not come back.
  static void forget_thread() noexcept;

  /// Makes a sub-interpreter; `Gil::own` needs kHasOwnGils. `lock` is held on the main interpreter,
  /// before and afterwards. Not called by two threads at once: while an interpreter with a GIL of
  /// its own is made, the main one's is free. Throws ErrorSet if Python cannot make one, and
  /// std::runtime_error if its C functions could not call back.
  static Interpreter sub(GilLock& lock, Gil gil);

  /// Runs `body(GilLock&)` with the GIL held in this interpreter. The thread state belongs to this
  /// pair of interpreter and thread, and is kept for the thread's life, so that `threading.local`
  /// survives.
  template <class Body>
  decltype(auto) with_gil(Body&& body) const {
    GilLock lock(thread_state());
    return std::forward<Body>(body)(lock);
  }

  bool is(const PyInterpreterState* state) const noexcept { return state_ == state; }

  /// Returns true for a sub-interpreter that was made with `Gil::own`.
  bool has_own_gil() const noexcept { return gil_ == Gil::own; }

  /// Takes the GIL and never releases it: from then on no other thread runs Python in an
  /// interpreter that has this GIL. A thread can hold one GIL only.
  void stop() const { PyEval_RestoreThread(thread_state()); }

 private:
  Interpreter(PyInterpreterState* state, Gil gil) noexcept : state_(state), gil_(gil) {}
  PyThreadState* thread_state() const;

  PyInterpreterState* state_;
  Gil gil_;
};

}  // namespace brine::cpython

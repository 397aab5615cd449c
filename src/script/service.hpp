// The scripts of a process that serves no requests: they run in its main thread until they end, or
// are told to.
#pragma once

#include <Python.h>
#include <pthread.h>

#include <atomic>
#include <mutex>

#include "cpython/gil.hpp"

namespace brine::script {

/// What the process's main thread runs as a service now. One object per process.
class Service {
 public:
  static Service& of_process();

  /// Tells the script that runs to end, and those that have not begun not to begin. In the main
  /// interpreter its handler of `signal`, which the process catches, is called, and what it blocks
  /// in is interrupted. Any thread, without a GIL.
  void tell_to_end(int signal) noexcept;

  /// Interrupts once more: the thread may have been about to block when it was told. False: there
  /// is no need to.
  bool wake(int signal) noexcept;

  /// For a script in a sub-interpreter, where Python calls no signal handlers: raises SystemExit in
  /// it, if the GIL is held in its interpreter. What it blocks in goes on.
  void raise_in_sub_interpreter(const cpython::GilLock&) noexcept;

  bool told() const noexcept { return told_; }

  /// The interpreter in which the script runs if it is a sub-interpreter; else null.
  const PyInterpreterState* sub_interpreter() const noexcept;

  /// A script is about to be executed by the calling thread. False: it was told to end already.
  bool enter(cpython::GilLock& gil) noexcept;

  /// It has ended: from here on nothing of it is called or raised. Throws ErrorSet with what a
  /// handler has raised at the last moment.
  void leave(cpython::GilLock& gil);

  /// The handler by default has been called.
  void note_heard() noexcept { heard_ = true; }

 private:
  std::mutex mutex_;
  // Guarded by mutex_:
  bool running_ = false;
  pthread_t thread_{};

  std::atomic<bool> told_{false};
  std::atomic<bool> heard_{false};
  std::atomic<PyInterpreterState*> interpreter_{nullptr};  // that of the script; null: none runs
  unsigned long ident_ = 0;  // threading.get_ident() of thread_; guarded by the GIL
};

/// What bootstrap.py finds among its globals: enter_service(), leave_service(), service_told(),
/// end_service(signal, frame), set_handler(function, signal, handler). Ends with a null name.
extern PyMethodDef service_methods[];

}  // namespace brine::script

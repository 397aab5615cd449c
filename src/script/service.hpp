// Service runs in a daemon process without requests (threads=0): its scripts run in the main thread
// until they end or are told to.
#pragma once

#include <Python.h>
#include <pthread.h>

#include <atomic>
#include <mutex>

#include "cpython/gil.hpp"

namespace brine::script {

/// The script that the main thread of this process runs as a service. There is one object in each
/// process.
class Service {
 public:
  static Service& of_process();

  /// Tells the running script to end, and others not to begin. In the main interpreter this calls
  /// Python's handler of `signal`, which the process catches, and interrupts a blocking call. May
  /// be called by any thread, without a GIL.
  void tell_to_end(int signal) noexcept;

  /// Sends the signal again, as the thread may have been about to block the first time. Returns
  /// false if there is no need to.
  bool wake(int signal) noexcept;

  /// Raises SystemExit in a script of a sub-interpreter, where Python calls no signal handlers. The
  /// caller holds the GIL of that interpreter. A blocking call is not interrupted.
  void raise_in_sub_interpreter(const cpython::GilLock&) noexcept;

  /// Returns true if tell_to_end() has been called.
  bool told() const noexcept { return told_; }

  /// Returns the interpreter of the script if it is a sub-interpreter, else null.
  const PyInterpreterState* sub_interpreter() const noexcept;

  /// Notes that the calling thread is about to execute a script. Returns false if it has been told
  /// to end.
  bool enter(cpython::GilLock& gil) noexcept;

  /// Notes that the script has ended: from here on no handler of it is called and nothing raised in
  /// it. Throws ErrorSet if a handler raised an exception at the last moment.
  void leave(cpython::GilLock& gil);

  /// Notes that the default handler has been called.
  void note_heard() noexcept { heard_ = true; }

 private:
  std::mutex mutex_;
  // Guarded by mutex_:
  bool running_ = false;
  pthread_t thread_{};

  std::atomic<bool> told_{false};
  std::atomic<bool> heard_{false};
  std::atomic<PyInterpreterState*> interpreter_{nullptr};  // of the script; null: none runs
  unsigned long ident_ = 0;  // threading.get_ident() of thread_; guarded by the GIL of interpreter_
};

/// The functions that bootstrap.py has among its globals: enter_service(), leave_service(),
/// service_told(), end_service(signal, frame), set_handler(function, signal, handler). A null name
/// ends the table.
extern PyMethodDef service_methods[];

}  // namespace brine::script

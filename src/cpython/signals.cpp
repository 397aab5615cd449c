#include "cpython/signals.hpp"

#include <signal.h>

#include "cpython/callback.hpp"

namespace brine::cpython {

namespace {

// Unblocks the calling thread's signals for the life of this object. A signal to the process that
// arrives meanwhile still goes to the main thread, if that does not block it: Linux prefers it.
// Signals that are pending because all threads block them stay blocked, or they would be delivered
// here. SIGCHLD is unblocked all the same, since it is always pending where child processes have
// ended.
class OpenMask {
 public:
  OpenMask() noexcept {
    sigset_t blocked;
    ::sigpending(&blocked);
    ::sigdelset(&blocked, SIGCHLD);
    ::pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~OpenMask() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  OpenMask(const OpenMask&) = delete;
  OpenMask& operator=(const OpenMask&) = delete;

 private:
  sigset_t before_;
};

PyObject* call_unmasked(PyObject*, PyObject* arguments) noexcept {
  return callback([&](const GilLock& gil) {
    PyObject *function = nullptr, *args = nullptr, *kwargs = nullptr;
    if (PyArg_ParseTuple(arguments, "OO!O!", &function, &PyTuple_Type, &args, &PyDict_Type,
                         &kwargs) == 0) {
      throw ErrorSet{};
    }
    const OpenMask open;
    return steal(gil, PyObject_Call(function, args, kwargs));
  });
}

}  // namespace

PyMethodDef call_unmasked_method = {"call_unmasked", call_unmasked, METH_VARARGS, nullptr};

// Does the part of Python/pylifecycle.c and Modules/signalmodule.c that ignores signals. The rest
// handles SIGINT, which httpd or the daemon process handles here.
void ignore_python_signals() noexcept {
  for (const int signal : {
           SIGPIPE,
#ifdef SIGXFZ
           SIGXFZ,
#endif
           SIGXFSZ,
       }) {
    struct sigaction action = {};
    if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_DFL) {
      ::signal(signal, SIG_IGN);
    }
  }
}

}  // namespace brine::cpython

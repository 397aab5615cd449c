#include "cpython/signals.hpp"

#include <signal.h>

#include "cpython/callback.hpp"

namespace brine::cpython {

namespace {

// Opens the calling thread's signal mask for as long as this object lives. A signal to the process
// that comes meanwhile is the main thread's all the same, if that takes it: Linux prefers it. What
// is pending, since every thread blocks it, stays blocked: it would be delivered here. That is no
// matter for SIGCHLD, which is always pending where processes have ended.
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

// Python/pylifecycle.c and Modules/signalmodule.c. What else they do is handle SIGINT, which is
// httpd's or the daemon process's here.
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

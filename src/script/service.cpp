#include "script/service.hpp"

#include <signal.h>

#include "cpython/callback.hpp"
#include "cpython/ref.hpp"

namespace brine::script {

using cpython::borrow;
using cpython::callback;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

// The state that the signal handler uses.
std::atomic<int> due{0};              // the signal that Python has to be told about; 0: none
void (*process_handlers[NSIG])(int);  // handlers that the process has set

// Tells Python about a signal that is due, and passes any other on to the process. This must run in
// the main thread, since Python handles a signal at once only if that thread tells it.
extern "C" void handle(int signal) {
  int wanted = signal;
  if (due.compare_exchange_strong(wanted, 0)) {
    PyErr_SetInterruptEx(signal);  // this function is async-signal-safe
  } else if (process_handlers[signal] != nullptr) {
    process_handlers[signal](signal);
  }
}

// Puts handle() in the place of Python's handler: the process's handler is called first, and later
// has Service::tell_to_end() called.
void keep_process_handler(int signal, const struct sigaction& process) {
  if (process.sa_handler != handle) {
    const bool none = process.sa_handler == SIG_DFL || process.sa_handler == SIG_IGN;
    process_handlers[signal] = none ? nullptr : process.sa_handler;
  }
  struct sigaction action = process;
  action.sa_handler = handle;
  action.sa_flags &= ~SA_RESTART;  // a blocking call has to end
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

Service& Service::of_process() {
  static auto* const service = new Service;  // never destroyed: threads use it to the last
  return *service;
}

const PyInterpreterState* Service::sub_interpreter() const noexcept {
  const PyInterpreterState* const interpreter = interpreter_;
  return interpreter == PyInterpreterState_Main() ? nullptr : interpreter;
}

void Service::tell_to_end(int signal) noexcept {
  const std::lock_guard lock(mutex_);
  told_ = true;
  if (!running_ || sub_interpreter() != nullptr) return;
  due = signal;
  ::pthread_kill(thread_, signal);
}

bool Service::wake(int signal) noexcept {
  const std::lock_guard lock(mutex_);
  if (!running_ || heard_ || sub_interpreter() != nullptr) return false;
  ::pthread_kill(thread_, signal);
  return true;
}

void Service::raise_in_sub_interpreter(const GilLock&) noexcept {
  if (sub_interpreter() != PyInterpreterState_Get()) return;
  PyThreadState_SetAsyncExc(ident_, PyExc_SystemExit);
}

bool Service::enter(GilLock& gil) noexcept {
  // The interpreter is set before told_ is read, so that whoever finds no interpreter here has set
  // told_ in time.
  ident_ = PyThread_get_thread_ident();
  interpreter_ = PyInterpreterState_Get();
  const GilRelease released(gil);
  const std::lock_guard lock(mutex_);
  thread_ = ::pthread_self();
  running_ = !told_;
  return running_;
}

void Service::leave(GilLock& gil) {
  {
    const GilRelease released(gil);
    const std::lock_guard lock(mutex_);
    running_ = false;
    due = 0;
  }
  interpreter_ = nullptr;
  PyThreadState_SetAsyncExc(ident_, nullptr);
  // A handler that is due already would otherwise be called after the script.
  check(gil, PyErr_CheckSignals());
}

namespace {

PyObject* enter_service(PyObject*, PyObject*) noexcept {
  return callback([](GilLock& gil) {
    return borrow(gil, Service::of_process().enter(gil) ? Py_True : Py_False);
  });
}

PyObject* leave_service(PyObject*, PyObject*) noexcept {
  return callback([](GilLock& gil) {
    Service::of_process().leave(gil);
    return borrow(gil, Py_None);
  });
}

PyObject* service_told(PyObject*, PyObject*) noexcept {
  return PyBool_FromLong(Service::of_process().told() ? 1 : 0);
}

// end_service(signal, frame) is the handler of a service that has set none of its own: it raises
// SystemExit.
PyObject* end_service(PyObject*, PyObject*) noexcept {
  Service::of_process().note_heard();
  return callback([](GilLock& gil) -> Ref {
    const Ref code = steal(gil, PyLong_FromLong(0));
    PyErr_SetObject(PyExc_SystemExit, code.get());
    throw ErrorSet{};
  });
}

// set_handler(function, signal, handler) calls `function`, which is signal.signal, and keeps the
// handler that the process itself has for the signal.
PyObject* set_handler(PyObject*, PyObject* arguments) noexcept {
  return callback([&](GilLock& gil) {
    PyObject *function = nullptr, *handler = nullptr;
    int signal = 0;
    if (PyArg_ParseTuple(arguments, "OiO", &function, &signal, &handler) == 0) throw ErrorSet{};
    struct sigaction process = {};
    if (::sigaction(signal, nullptr, &process) != 0) {
      return steal(gil, PyErr_SetFromErrno(PyExc_OSError));
    }
    PyObject* const before = PyObject_CallFunction(function, "iO", signal, handler);
    keep_process_handler(signal, process);
    return steal(gil, before);
  });
}

}  // namespace

PyMethodDef service_methods[] = {{"enter_service", enter_service, METH_NOARGS, nullptr},
                                 {"leave_service", leave_service, METH_NOARGS, nullptr},
                                 {"service_told", service_told, METH_NOARGS, nullptr},
                                 {"end_service", end_service, METH_VARARGS, nullptr},
                                 {"set_handler", set_handler, METH_VARARGS, nullptr},
                                 {nullptr, nullptr, 0, nullptr}};

}  // namespace brine::script

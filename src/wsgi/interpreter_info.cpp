#include "wsgi/interpreter_info.hpp"

#include "brine/version.h"
#include "wsgi/log_streams.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// The release of mod_wsgi whose interface applications find.
constexpr std::array<int, 3> kCompatible = {6, 0, 5};

Ref version_tuple(const GilLock& gil, const std::array<int, 3>& version) {
  return steal(gil, Py_BuildValue("(iii)", version[0], version[1], version[2]));
}

Ref text(const GilLock& gil, const std::string& value) {
  return steal(
      gil, PyUnicode_DecodeFSDefaultAndSize(value.data(), static_cast<Py_ssize_t>(value.size())));
}

Ref number(const GilLock& gil, int value) { return steal(gil, PyLong_FromLong(value)); }

Ref boolean(const GilLock& gil, bool value) { return borrow(gil, value ? Py_True : Py_False); }

void add(const GilLock& gil, PyObject* dict, const char* key, const Ref& value) {
  check(gil, PyDict_SetItemString(dict, key, value.get()));
}

}  // namespace

Ref install_streams(const GilLock& gil, PyObject* make_log, bool at_terminal) {
  check(gil, PySys_SetObject("stderr", make_error_log(gil, make_log).get()));
  if (!at_terminal) {
    check(gil, PySys_SetObject("stdout", make_output_log(gil, make_log).get()));
  }
  // wsgi.errors is a stream of its own, so that what an application does to sys.stderr does not
  // concern the others.
  return make_error_log(gil, make_log);
}

Ref make_request_timeout(const GilLock& gil) {
  // Like mod_wsgi's, it is a BaseException: an `except Exception` of the application or a framework
  // must not handle it and go on.
  return steal(gil, PyErr_NewExceptionWithDoc(
                        "mod_wsgi.RequestTimeout",
                        "Raised in an application whose request has run longer than the process "
                        "group's request-timeout.",
                        PyExc_BaseException, nullptr));
}

Ref install_modules(const GilLock& gil, const InterpreterInfo& interpreter_info,
                    PyObject* file_wrapper, PyObject* request_timeout) {
  Ref mod_wsgi = borrow(gil, PyImport_AddModule("mod_wsgi"));
  const Ref apache = borrow(gil, PyImport_AddModule("apache"));
  if (!mod_wsgi || !apache) throw cpython::ErrorSet{};
  PyObject* names = PyModule_GetDict(mod_wsgi.get());
  add(gil, names, "version", version_tuple(gil, kCompatible));
  // The module is a package, of which bootstrap.py finds the parts. No installed one is looked
  // into.
  add(gil, names, "__path__", steal(gil, PyList_New(0)));
  add(gil, names, "process_group", text(gil, interpreter_info.process_group));
  add(gil, names, "application_group", text(gil, interpreter_info.application_group));
  add(gil, names, "maximum_processes", number(gil, interpreter_info.maximum_processes));
  add(gil, names, "threads_per_process", number(gil, interpreter_info.threads_per_process));
  add(gil, names, "FileWrapper", borrow(gil, file_wrapper));
  add(gil, names, "RequestTimeout", borrow(gil, request_timeout));
  names = PyModule_GetDict(apache.get());
  add(gil, names, "version", version_tuple(gil, interpreter_info.apache_version));
  add(gil, names, "maximum_processes", number(gil, interpreter_info.apache_processes));
  add(gil, names, "threads_per_process", number(gil, interpreter_info.apache_threads));
  add(gil, names, "description", text(gil, interpreter_info.description));
  add(gil, names, "mpm_name", text(gil, interpreter_info.mpm_name));
  add(gil, names, "build_date", text(gil, interpreter_info.build_date));
  return mod_wsgi;
}

Ref environ_constants(const GilLock& gil, const InterpreterInfo& interpreter_info, PyObject* errors,
                      PyObject* file_wrapper) {
  Ref constants = steal(gil, PyDict_New());
  PyObject* dict = constants.get();
  add(gil, dict, "wsgi.version", steal(gil, Py_BuildValue("(ii)", 1, 0)));
  add(gil, dict, "wsgi.input", borrow(gil, Py_None));  // replaced by each request's own
  add(gil, dict, "wsgi.errors", borrow(gil, errors));
  add(gil, dict, "wsgi.input_terminated", boolean(gil, true));
  add(gil, dict, "wsgi.multithread", boolean(gil, interpreter_info.multithread));
  add(gil, dict, "wsgi.multiprocess", boolean(gil, interpreter_info.multiprocess));
  add(gil, dict, "wsgi.run_once", boolean(gil, interpreter_info.run_once));
  add(gil, dict, "wsgi.file_wrapper", borrow(gil, file_wrapper));
  add(gil, dict, "apache.version", version_tuple(gil, interpreter_info.apache_version));
  add(gil, dict, "mod_wsgi.version", version_tuple(gil, kCompatible));
  // In embedded mode there is no queue before the application, and no daemon process.
  add(gil, dict, "mod_wsgi.queue_start", steal(gil, PyFloat_FromDouble(0.0)));
  add(gil, dict, "mod_wsgi.daemon_start", steal(gil, PyFloat_FromDouble(0.0)));
  add(gil, dict, "brine.version", text(gil, BRINE_VERSION));
  return constants;
}

}  // namespace brine::wsgi

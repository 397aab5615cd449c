#include "wsgi/interpreter_info.hpp"

#include "brine/version.h"
#include "wsgi/log_streams.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::set_item;
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
  set_item(gil, names, "version", version_tuple(gil, kCompatible));
  // The module is a package, of which bootstrap.py finds the parts. No installed one is looked
  // into.
  set_item(gil, names, "__path__", steal(gil, PyList_New(0)));
  set_item(gil, names, "process_group", text(gil, interpreter_info.process_group));
  set_item(gil, names, "application_group", text(gil, interpreter_info.application_group));
  set_item(gil, names, "maximum_processes", number(gil, interpreter_info.maximum_processes));
  set_item(gil, names, "threads_per_process", number(gil, interpreter_info.threads_per_process));
  set_item(gil, names, "FileWrapper", borrow(gil, file_wrapper));
  set_item(gil, names, "RequestTimeout", borrow(gil, request_timeout));
  names = PyModule_GetDict(apache.get());
  set_item(gil, names, "version", version_tuple(gil, interpreter_info.apache_version));
  set_item(gil, names, "maximum_processes", number(gil, interpreter_info.apache_processes));
  set_item(gil, names, "threads_per_process", number(gil, interpreter_info.apache_threads));
  set_item(gil, names, "description", text(gil, interpreter_info.description));
  set_item(gil, names, "mpm_name", text(gil, interpreter_info.mpm_name));
  set_item(gil, names, "build_date", text(gil, interpreter_info.build_date));
  return mod_wsgi;
}

Ref environ_constants(const GilLock& gil, const InterpreterInfo& interpreter_info, PyObject* errors,
                      PyObject* file_wrapper) {
  Ref constants = steal(gil, PyDict_New());
  PyObject* dict = constants.get();
  set_item(gil, dict, "wsgi.version", steal(gil, Py_BuildValue("(ii)", 1, 0)));
  set_item(gil, dict, "wsgi.input", borrow(gil, Py_None));  // replaced by each request's own
  set_item(gil, dict, "wsgi.errors", borrow(gil, errors));
  set_item(gil, dict, "wsgi.input_terminated", boolean(gil, true));
  set_item(gil, dict, "wsgi.multithread", boolean(gil, interpreter_info.multithread));
  set_item(gil, dict, "wsgi.multiprocess", boolean(gil, interpreter_info.multiprocess));
  set_item(gil, dict, "wsgi.run_once", boolean(gil, interpreter_info.run_once));
  set_item(gil, dict, "wsgi.file_wrapper", borrow(gil, file_wrapper));
  set_item(gil, dict, "apache.version", version_tuple(gil, interpreter_info.apache_version));
  set_item(gil, dict, "mod_wsgi.version", version_tuple(gil, kCompatible));
  // In embedded mode there is no queue before the application, and no daemon process.
  set_item(gil, dict, "mod_wsgi.queue_start", steal(gil, PyFloat_FromDouble(0.0)));
  set_item(gil, dict, "mod_wsgi.daemon_start", steal(gil, PyFloat_FromDouble(0.0)));
  set_item(gil, dict, "brine.version", text(gil, BRINE_VERSION));
  return constants;
}

}  // namespace brine::wsgi

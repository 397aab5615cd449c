#include "script/bootstrap.hpp"

#include "cpython/error.hpp"
#include "cpython/signals.hpp"
#include "pickle/module.hpp"
#include "script/embedded_python.hpp"
#include "script/service.hpp"

namespace brine::script {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

Ref path_object(const GilLock& gil, std::string_view path) {
  return steal(gil,
               PyUnicode_DecodeFSDefaultAndSize(path.data(), static_cast<Py_ssize_t>(path.size())));
}

namespace {

// Returns the source of a Python module that the engine carries, or null.
const char* embedded_source(std::string_view name) {
  for (const EmbeddedPython& embedded : kEmbeddedPython) {
    if (name == embedded.name) return embedded.source;
  }
  return nullptr;
}

// own_source(name) is embedded_source() for Python; returns None if there is none.
PyObject* own_source(PyObject*, PyObject* name) noexcept {
  const char* text = PyUnicode_AsUTF8(name);
  if (text == nullptr) return nullptr;
  const char* source = embedded_source(text);
  return source != nullptr ? PyUnicode_FromString(source) : Py_NewRef(Py_None);
}

// make_guard(spec) makes the module brine._guard, which is not executed yet (PEP 489).
PyObject* make_guard(PyObject*, PyObject* spec) noexcept {
  return PyModule_FromDefAndSpec(&pickle::guard_module_def(), spec);
}

// execute_guard(module) executes it.
PyObject* execute_guard(PyObject*, PyObject* module) noexcept {
  if (PyModule_ExecDef(module, &pickle::guard_module_def()) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyMethodDef own_source_method = {"own_source", own_source, METH_O, nullptr};
PyMethodDef make_guard_method = {"make_guard", make_guard, METH_O, nullptr};
PyMethodDef execute_guard_method = {"execute_guard", execute_guard, METH_O, nullptr};

// Adds the functions and constants of C++ that bootstrap.py uses to its globals.
void provide(const GilLock& gil, PyObject* globals, std::string_view pickle_policy,
             base::Level log_level) {
  const auto add = [&](PyMethodDef* method) {
    Ref function = steal(gil, PyCFunction_New(method, nullptr));
    check(gil, PyDict_SetItemString(globals, method->ml_name, function.get()));
  };
  for (PyMethodDef* method : {&own_source_method, &make_guard_method, &execute_guard_method,
                              &cpython::call_unmasked_method}) {
    add(method);
  }
  for (PyMethodDef* method = service_methods; method->ml_name != nullptr; ++method) add(method);
  Ref policy = steal(gil, PyUnicode_FromStringAndSize(
                              pickle_policy.data(), static_cast<Py_ssize_t>(pickle_policy.size())));
  check(gil, PyDict_SetItemString(globals, "PICKLE_POLICY", policy.get()));
  const Ref level = steal(gil, PyLong_FromLong(static_cast<long>(log_level)));
  check(gil, PyDict_SetItemString(globals, "LOG_LEVEL", level.get()));
}

}  // namespace

Bootstrap::Bootstrap(const GilLock& gil, std::string_view pickle_policy, base::Level log_level) {
  Ref code =
      steal(gil, Py_CompileString(embedded_source("script.bootstrap"), "<brine>", Py_file_input));
  globals_ = steal(gil, PyDict_New());
  provide(gil, globals_.get(), pickle_policy, log_level);
  Ref name = steal(gil, PyUnicode_FromString("brine.bootstrap"));
  check(gil, PyDict_SetItemString(globals_.get(), "__name__", name.get()));
  check(gil, PyDict_SetItemString(globals_.get(), "__builtins__", PyEval_GetBuiltins()));
  steal(gil, PyEval_EvalCode(code.get(), globals_.get(), globals_.get()));
}

PyObject* Bootstrap::get(const GilLock& gil, const char* name) const {
  PyObject* found = PyDict_GetItemString(globals_.get(), name);
  if (found == nullptr) cpython::raise(gil, PyExc_NameError, name);
  return found;
}

Bootstrap::Executed Bootstrap::execute(GilLock& gil, const std::string& path,
                                       const std::string& source, unsigned number, bool registered,
                                       const std::string& required) const {
  Ref path_text = path_object(gil, path);
  Ref result =
      steal(gil, PyObject_CallFunction(get(gil, "execute"), "Oy#IOs", path_text.get(),
                                       source.data(), static_cast<Py_ssize_t>(source.size()),
                                       number, registered ? Py_True : Py_False, required.c_str()));
  return {borrow(gil, PyTuple_GetItem(result.get(), 0)),
          borrow(gil, PyTuple_GetItem(result.get(), 1))};
}

void Bootstrap::log_by_levels(const GilLock& gil) const {
  steal(gil, PyObject_CallNoArgs(get(gil, "log_by_levels")));
}

void Bootstrap::show_serving_source(const GilLock& gil, const std::string& path) const {
  steal(gil, PyObject_CallOneArg(get(gil, "show_serving_source"), path_object(gil, path).get()));
}

void Bootstrap::retire(const GilLock& gil, const std::string& path, unsigned number,
                       PyObject* mark) const {
  Ref path_text = path_object(gil, path);
  steal(gil, PyObject_CallFunction(get(gil, "retire"), "OIO", path_text.get(), number, mark));
}

std::vector<std::string> Bootstrap::collect(GilLock& gil) const {
  Ref alive = steal(gil, PyObject_CallNoArgs(get(gil, "collect")));
  std::vector<std::string> sentences;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(alive.get()); ++i) {
    sentences.push_back(cpython::to_utf8(gil, PyList_GET_ITEM(alive.get(), i)));
  }
  return sentences;
}

}  // namespace brine::script

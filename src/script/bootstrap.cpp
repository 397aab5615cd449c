#include "script/bootstrap.hpp"

#include <marshal.h>

#include <string>
#include <string_view>

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

// Returns the code object of a Python module that the engine carries, None if it carries none of
// that name, or null and an exception.
PyObject* embedded_code(std::string_view name) noexcept {
  for (const EmbeddedPython& embedded : kEmbeddedPython) {
    if (name != embedded.name) continue;
    if (PyImport_GetMagicNumber() != kMagicNumber) {
      PyErr_SetString(PyExc_ImportError,
                      "Brine's engine was built with an earlier or later state of this Python, "
                      "whose byte code differs; build it again");
      return nullptr;
    }
    return PyMarshal_ReadObjectFromString(embedded.code.data(),
                                          static_cast<Py_ssize_t>(embedded.code.size()));
  }
  return Py_NewRef(Py_None);
}

// own_code(name) is embedded_code() for Python.
PyObject* own_code(PyObject*, PyObject* name) noexcept {
  const char* text = PyUnicode_AsUTF8(name);
  return text != nullptr ? embedded_code(text) : nullptr;
}

// compile_source(source, path) compiles a file's bytes, which hold no NUL. Unlike compile() it
// makes no class for each kind of node of a syntax tree, which take 200 KiB in each interpreter.
PyObject* compile_source(PyObject*, PyObject* arguments) noexcept {
  const char* source = nullptr;
  PyObject* path = nullptr;
  if (PyArg_ParseTuple(arguments, "yO", &source, &path) == 0) return nullptr;
  PyCompilerFlags flags{};
  flags.cf_feature_version = PY_MINOR_VERSION;
  return Py_CompileStringObject(source, path, Py_file_input, &flags, -1);
}

// frame_of(ident) returns the frame that a thread runs in this interpreter, or None. Unlike
// sys._current_frames() it does not look into other interpreters, whose GILs are not held.
PyObject* frame_of(PyObject*, PyObject* ident) noexcept {
  const unsigned long wanted = PyLong_AsUnsignedLongMask(ident);
  if (PyErr_Occurred() != nullptr) return nullptr;
  PyThreadState* state = PyInterpreterState_ThreadHead(PyInterpreterState_Get());
  for (; state != nullptr; state = PyThreadState_Next(state)) {
    if (state->thread_id != wanted) continue;
    if (PyFrameObject* frame = PyThreadState_GetFrame(state)) {
      return reinterpret_cast<PyObject*>(frame);
    }
  }
  Py_RETURN_NONE;
}

// is_alone() returns True if the process has no other interpreter than the main one.
PyObject* is_alone(PyObject*, PyObject*) noexcept {
  return PyBool_FromLong(PyInterpreterState_Head() == PyInterpreterState_Main() ? 1 : 0);
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

PyMethodDef own_code_method = {"own_code", own_code, METH_O, nullptr};
PyMethodDef compile_source_method = {"compile_source", compile_source, METH_VARARGS, nullptr};
PyMethodDef frame_of_method = {"frame_of", frame_of, METH_O, nullptr};
PyMethodDef is_alone_method = {"is_alone", is_alone, METH_NOARGS, nullptr};
PyMethodDef make_guard_method = {"make_guard", make_guard, METH_O, nullptr};
PyMethodDef execute_guard_method = {"execute_guard", execute_guard, METH_O, nullptr};

// Adds the functions and constants of C++ that bootstrap.py uses to its globals.
void provide(const GilLock& gil, PyObject* globals, const Bootstrap::GuardDefaults& guard,
             base::Level log_level) {
  const auto add = [&](PyMethodDef* method) {
    Ref function = steal(gil, PyCFunction_New(method, nullptr));
    check(gil, PyDict_SetItemString(globals, method->ml_name, function.get()));
  };
  for (PyMethodDef* method :
       {&own_code_method, &compile_source_method, &frame_of_method, &is_alone_method,
        &make_guard_method, &execute_guard_method, &cpython::call_unmasked_method}) {
    add(method);
  }
  for (PyMethodDef* method = service_methods; method->ml_name != nullptr; ++method) add(method);
  const std::string_view name = pickle::policy_name(guard.policy);
  Ref policy =
      steal(gil, PyUnicode_FromStringAndSize(name.data(), static_cast<Py_ssize_t>(name.size())));
  check(gil, PyDict_SetItemString(globals, "PICKLE_POLICY", policy.get()));
  const Ref sample = steal(gil, PyLong_FromUnsignedLong(guard.sample));
  check(gil, PyDict_SetItemString(globals, "PICKLE_SAMPLE", sample.get()));
  const Ref level = steal(gil, PyLong_FromLong(static_cast<long>(log_level)));
  check(gil, PyDict_SetItemString(globals, "LOG_LEVEL", level.get()));
}

}  // namespace

Bootstrap::Bootstrap(const GilLock& gil, const GuardDefaults& guard, base::Level log_level) {
  Ref code = steal(gil, embedded_code("script.bootstrap"));
  globals_ = steal(gil, PyDict_New());
  provide(gil, globals_.get(), guard, log_level);
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

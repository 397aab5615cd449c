#include "pickle/parts.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace brine::pickle {

using cpython::borrow;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// Returns true if the arguments of copyreg's functions make no object of the object's class.
bool makes_another(const GilLock& gil, PyObject* object, PyObject* function, PyObject* arguments) {
  if (is_called(gil, function, "__newobj_ex__") &&
      (PyTuple_GET_SIZE(arguments) != 3 || !PyTuple_Check(PyTuple_GET_ITEM(arguments, 1)) ||
       !PyDict_Check(PyTuple_GET_ITEM(arguments, 2)))) {
    return true;
  }
  PyObject* made = tuple_item(arguments, 0);
  return made == nullptr || !PyType_Check(made) ||
         steal(gil, PyObject_GetAttrString(object, "__class__")).get() != made;
}

}  // namespace

const char* step_name(Step step) noexcept {
  static constexpr std::array<const char*, 11> kNames = {
      "root",  "item",       "index",    "key",      "member",  "attribute",
      "state", "state_item", "callable", "argument", "of_class"};
  return kNames[static_cast<std::size_t>(step)];
}

Ref make_step(const GilLock& gil, Step step, Py_ssize_t index, PyObject* key) {
  Ref where = key != nullptr ? borrow(gil, key) : steal(gil, PyLong_FromSsize_t(index));
  return steal(gil, Py_BuildValue("(sO)", step_name(step), where.get()));
}

Ref taken_error(const GilLock& gil) {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  Py_XDECREF(type);
  Py_XDECREF(traceback);
  return steal(gil, value);
}

bool is_atom(PyObject* object) noexcept {
  return object == Py_None || PyUnicode_CheckExact(object) || PyLong_CheckExact(object) ||
         PyBool_Check(object) || PyFloat_CheckExact(object) || PyBytes_CheckExact(object) ||
         PyByteArray_CheckExact(object) || PyComplex_CheckExact(object);
}

bool is_container(PyObject* object) noexcept {
  return PyDict_CheckExact(object) || PyList_CheckExact(object) || PyTuple_CheckExact(object) ||
         PyAnySet_CheckExact(object);
}

bool is_singletons_type(PyObject* object) noexcept {
  return object == reinterpret_cast<PyObject*>(Py_TYPE(Py_None)) ||
         object == reinterpret_cast<PyObject*>(Py_TYPE(Py_Ellipsis)) ||
         object == reinterpret_cast<PyObject*>(Py_TYPE(Py_NotImplemented));
}

PyObject* tuple_item(PyObject* tuple, Py_ssize_t index) noexcept {
  return index < PyTuple_GET_SIZE(tuple) ? PyTuple_GET_ITEM(tuple, index) : nullptr;
}

bool is_given(PyObject* part) noexcept { return part != nullptr && part != Py_None; }

bool is_called(const GilLock& gil, PyObject* function, const char* name) {
  if (!PyFunction_Check(function)) return false;
  Ref own = steal(gil, PyObject_GetAttrString(function, "__name__"));
  return PyUnicode_Check(own.get()) && PyUnicode_CompareWithASCIIString(own.get(), name) == 0;
}

bool makes_object(const GilLock& gil, PyObject* function) {
  return is_called(gil, function, "__newobj__") || is_called(gil, function, "__newobj_ex__");
}

Ref dispatched(const GilLock& gil, PyObject* table, PyObject* object) {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  if (PyDict_CheckExact(table)) {
    Ref function = borrow(gil, PyDict_GetItemWithError(table, type));
    if (!function && PyErr_Occurred() != nullptr) throw ErrorSet{};
    return function;
  }
  PyObject* found = PyObject_GetItem(table, type);
  if (found != nullptr) return steal(gil, found);
  if (PyErr_ExceptionMatches(PyExc_KeyError) == 0) throw ErrorSet{};
  PyErr_Clear();
  return {};
}

bool is_plain(PyObject* object) noexcept {
  constexpr Py_ssize_t kSmall = 32;
  if (PyDict_CheckExact(object)) {
    if (PyDict_GET_SIZE(object) > kSmall) return false;
    Py_ssize_t position = 0;
    PyObject *key = nullptr, *value = nullptr;
    while (PyDict_Next(object, &position, &key, &value) != 0) {
      if (!is_atom(key) || !is_atom(value)) return false;
    }
    return true;
  }
  if (!PyList_CheckExact(object) && !PyTuple_CheckExact(object)) return false;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(object);
  PyObject** const items = PySequence_Fast_ITEMS(object);
  return size <= kSmall && std::all_of(items, items + size, is_atom);
}

PyObject* try_reduce(PyObject* object, int protocol) noexcept {
  return PyObject_CallMethod(object, "__reduce_ex__", "i", protocol);
}

Ref reduce(const GilLock& gil, PyObject* object, int protocol) {
  return steal(gil, try_reduce(object, protocol));
}

bool has_own_getstate(const GilLock& gil, PyObject* object) {
  const auto get = [&gil](PyTypeObject* type) {
    PyObject* found = PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__getstate__");
    if (found != nullptr) return steal(gil, found);
    if (PyErr_ExceptionMatches(PyExc_Exception) == 0) throw ErrorSet{};
    PyErr_Clear();
    return Ref();
  };
  return get(Py_TYPE(object)).get() != get(&PyBaseObject_Type).get();
}

bool is_malformed(const GilLock& gil, PyObject* object, PyObject* parts, int protocol) {
  if (!PyTuple_Check(parts)) return true;
  const Py_ssize_t size = PyTuple_GET_SIZE(parts);
  if (size < 2 || size > 6) return true;
  PyObject *function = PyTuple_GET_ITEM(parts, 0), *arguments = PyTuple_GET_ITEM(parts, 1);
  if (PyCallable_Check(function) == 0 || !PyTuple_Check(arguments)) return true;
  for (const Py_ssize_t i : {3, 4}) {
    PyObject* items = tuple_item(parts, i);
    if (is_given(items) && PyIter_Check(items) == 0) return true;
  }
  PyObject* setter = tuple_item(parts, 5);
  if (is_given(setter) && PyCallable_Check(setter) == 0) return true;
  return protocol >= 2 && makes_object(gil, function) &&
         makes_another(gil, object, function, arguments);
}

bool runs_python(PyObject* function) noexcept {
  return function != nullptr && !PyCFunction_Check(function) &&
         !Py_IS_TYPE(function, &PyMethodDescr_Type) &&
         !Py_IS_TYPE(function, &PyWrapperDescr_Type) &&
         !Py_IS_TYPE(function, &PyClassMethodDescr_Type);
}

bool class_runs_python(const GilLock& gil, PyTypeObject* type) {
  if (type->tp_getattro != PyObject_GenericGetAttr) return true;
  // Lists and dicts are asked for their items too.
  for (const char* name : {"__reduce_ex__", "__reduce__", "__getstate__", "__getnewargs__",
                           "__getnewargs_ex__", "__iter__", "items"}) {
    Ref interned = steal(gil, PyUnicode_InternFromString(name));
    if (runs_python(_PyType_Lookup(type, interned.get()))) return true;
  }
  return false;
}

bool is_state_with_slots(PyObject* state) noexcept {
  if (!PyTuple_CheckExact(state) || PyTuple_GET_SIZE(state) != 2) return false;
  PyObject* own = PyTuple_GET_ITEM(state, 0);
  return PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)) &&
         (own == Py_None || PyDict_CheckExact(own));
}

}  // namespace brine::pickle

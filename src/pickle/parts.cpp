#include "pickle/parts.hpp"

#include <array>
#include <cstddef>

namespace brine::pickle {

using cpython::borrow;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

bool is_called(const GilLock& gil, PyObject* function, const char* name) {
  if (!PyFunction_Check(function)) return false;
  Ref own = steal(gil, PyObject_GetAttrString(function, "__name__"));
  return PyUnicode_Check(own.get()) && PyUnicode_CompareWithASCIIString(own.get(), name) == 0;
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

Ref reduce(const GilLock& gil, PyObject* object, int protocol) {
  return steal(gil, PyObject_CallMethod(object, "__reduce_ex__", "i", protocol));
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

bool is_state_with_slots(PyObject* state) noexcept {
  if (!PyTuple_CheckExact(state) || PyTuple_GET_SIZE(state) != 2) return false;
  PyObject* own = PyTuple_GET_ITEM(state, 0);
  return PyDict_CheckExact(PyTuple_GET_ITEM(state, 1)) &&
         (own == Py_None || PyDict_CheckExact(own));
}

}  // namespace brine::pickle

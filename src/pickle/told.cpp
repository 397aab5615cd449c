#include "pickle/told.hpp"

#include <utility>

namespace brine::pickle {

using cpython::borrow;
using cpython::GilLock;
using cpython::Ref;

namespace {

// Returns what tells one class or function from others of its type. Functions that one piece of
// code makes again and again, such as a lambda, are one.
const void* identity_of(PyObject* object) noexcept {
  if (PyFunction_Check(object)) return PyFunction_GET_CODE(object);
  return PyType_Check(object) ? object : nullptr;
}

const void* type_of(PyObject* object) noexcept {
  return object != nullptr ? Py_TYPE(object) : nullptr;
}

bool is_simple_key(PyObject* key) noexcept {
  return PyUnicode_CheckExact(key) || PyLong_CheckExact(key);
}

// Returns true if follow() can take such a step.
bool can_follow(const PathStep& step) noexcept {
  switch (step.step) {
    case Step::item:
    case Step::attribute:
      return step.key && is_simple_key(step.key.get());
    case Step::index:
    case Step::of_class:
      return true;
    default:
      return false;
  }
}

// Returns true if an attribute of that name is looked up without code of the class's.
bool is_plain_attribute(PyTypeObject* type, PyObject* name) noexcept {
  PyObject* found = _PyType_Lookup(type, name);
  return found == nullptr || Py_IS_TYPE(found, &PyMemberDescr_Type) ||
         Py_TYPE(found)->tp_descr_get == nullptr;
}

// Takes one step from an object; empty: it does not lead anywhere.
Ref follow(GilLock& gil, PyObject* object, const PathStep& step) noexcept {
  PyObject* found = nullptr;
  if (step.step == Step::of_class) {
    return borrow(gil, reinterpret_cast<PyObject*>(Py_TYPE(object)));
  }
  if (step.step == Step::item) {
    found = PyDict_Check(object) ? PyDict_GetItemWithError(object, step.key.get()) : nullptr;
  } else if (step.step == Step::index) {
    const bool is_sequence = PyList_Check(object) || PyTuple_Check(object);
    if (is_sequence && step.index < PySequence_Fast_GET_SIZE(object)) {
      found = PySequence_Fast_GET_ITEM(object, step.index);
    }
  } else if (PyUnicode_CheckExact(step.key.get()) &&
             is_plain_attribute(Py_TYPE(object), step.key.get())) {
    Ref value;
    if (PyObject* got = PyObject_GenericGetAttr(object, step.key.get()); got != nullptr) {
      value = borrow(gil, got);
      Py_DECREF(got);
    }
    PyErr_Clear();
    return value;
  }
  if (found == nullptr) PyErr_Clear();
  return borrow(gil, found);
}

bool is_same_step(const PathStep& step, const PathStep& other) noexcept {
  if (step.step != other.step) return false;
  if (!step.key || !other.key) return static_cast<bool>(step.key) == static_cast<bool>(other.key);
  PyObject *key = step.key.get(), *wanted = other.key.get();
  if (!PyUnicode_CheckExact(key) || !PyUnicode_CheckExact(wanted)) return key == wanted;
  return PyUnicode_Compare(key, wanted) == 0;
}

}  // namespace

bool Told::leads_back(GilLock& gil, const Entry& entry, PyObject* root) {
  Ref here = borrow(gil, root);
  for (const PathStep& step : entry.steps) {
    here = follow(gil, here.get(), step);
    if (!here) return false;
  }
  return type_of(here.get()) == entry.culprit_type && identity_of(here.get()) == entry.identity;
}

std::shared_ptr<const Finding> Told::recognise(GilLock& gil, PyObject* root, PyObject* error_type) {
  const auto known = by_root_.find(type_of(root));
  if (known == by_root_.end()) return nullptr;
  for (const Entry& entry : known->second) {
    if (entry.error_type == error_type && entry.can_follow && leads_back(gil, entry, root)) {
      return entry.finding;
    }
  }
  return nullptr;
}

std::shared_ptr<const Finding> Told::recognise(PyObject* root, PyObject* error_type,
                                               const Trace& trace) {
  const void* owner = type_of(trace.owner.get());
  for (const auto& [root_type, entries] : by_root_) {
    if (owner == nullptr && root_type != type_of(root)) continue;
    for (const Entry& entry : entries) {
      if (entry.error_type == error_type && entry.owner_type == owner &&
          entry.culprit_type == type_of(trace.culprit.get()) &&
          entry.identity == identity_of(trace.culprit.get()) &&
          entry.steps.empty() == trace.steps.empty() &&
          (trace.steps.empty() || is_same_step(entry.steps.back(), trace.steps.back()))) {
        return entry.finding;
      }
    }
  }
  return nullptr;
}

void Told::remember(PyObject* root, PyObject* error_type, Trace trace,
                    std::shared_ptr<const Finding> finding) {
  if (by_root_.size() >= kMostRoots) by_root_.clear();
  bool followed = true;
  for (const PathStep& step : trace.steps) followed = followed && can_follow(step);
  std::vector<Entry>& entries = by_root_[type_of(root)];
  if (entries.size() >= kMostOfRoot) entries.erase(entries.begin());
  entries.push_back({error_type, type_of(trace.culprit.get()), identity_of(trace.culprit.get()),
                     type_of(trace.owner.get()), std::move(trace.steps), followed,
                     std::move(finding)});
}

}  // namespace brine::pickle

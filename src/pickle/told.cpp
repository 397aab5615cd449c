#include "pickle/told.hpp"

#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

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

// Returns true for what an object's __reduce__ or __getstate__ has given.
bool is_given_by_code(Step step) noexcept {
  return step == Step::state || step == Step::state_item || step == Step::callable ||
         step == Step::argument;
}

// Returns the name of the attribute that keeps `part` in the object's __dict__; empty if none does.
Ref attribute_with(const GilLock& gil, PyObject* object, PyObject* part) noexcept {
  PyObject* names = PyObject_GenericGetDict(object, nullptr);
  if (names == nullptr) {
    PyErr_Clear();
    return {};
  }
  Ref found;
  Py_ssize_t position = 0;
  PyObject *name = nullptr, *value = nullptr;
  while (!found && PyDict_Next(names, &position, &name, &value) != 0) {
    if (value == part && PyUnicode_CheckExact(name)) found = borrow(gil, name);
  }
  Py_DECREF(names);
  return found;
}

// Puts the attribute that keeps a part into the place of the steps by which the object's own code
// has given it, so that the way can be followed without that code. Such steps are at most three:
// the state, a tuple in it, its item. What no attribute keeps stays as it is.
std::vector<PathStep> by_attributes(const GilLock& gil, Trace& trace) {
  constexpr std::size_t kFarthest = 3;
  const auto part = [&trace](std::size_t at) {
    return at < trace.way.size() ? trace.way[at].get() : trace.culprit.get();
  };
  std::vector<PathStep> steps;
  for (std::size_t at = 0; at < trace.steps.size();) {
    std::size_t taken = 0;
    Ref name;
    while (is_given_by_code(trace.steps[at].step) && !name && taken < kFarthest &&
           at + taken < trace.steps.size() &&
           (taken == 0 || trace.steps[at + taken].step == Step::item ||
            trace.steps[at + taken].step == Step::index)) {
      ++taken;
      name = attribute_with(gil, part(at), part(at + taken));
    }
    if (name) {
      steps.push_back({Step::attribute, 0, std::move(name)});
      at += taken;
    } else {
      steps.push_back(std::move(trace.steps[at++]));
    }
  }
  return steps;
}

PathStep copy(const GilLock& gil, const PathStep& step) {
  return {step.step, step.index, borrow(gil, step.key.get())};
}

bool is_same_step(const PathStep& step, const PathStep& other) noexcept {
  if (step.step != other.step) return false;
  if (!step.key || !other.key) return static_cast<bool>(step.key) == static_cast<bool>(other.key);
  PyObject *key = step.key.get(), *wanted = other.key.get();
  if (!PyUnicode_CheckExact(key) || !PyUnicode_CheckExact(wanted)) return key == wanted;
  return PyUnicode_Compare(key, wanted) == 0;
}

}  // namespace

std::size_t Told::KindHash::operator()(const Kind& kind) const noexcept {
  std::size_t hash = 0;
  for (const void* part : {kind.error_type, kind.culprit_type, kind.identity, kind.holder}) {
    constexpr std::size_t kFactor = 1'000'003;
    hash = hash * kFactor + std::hash<const void*>{}(part);
  }
  return hash;
}

Told::Kind Told::kind_of(PyObject* root, PyObject* error_type, const Trace& trace) noexcept {
  PyObject* culprit = trace.culprit.get();
  return {error_type, type_of(culprit), identity_of(culprit),
          type_of(trace.owner ? trace.owner.get() : root)};
}

bool Told::leads_back(GilLock& gil, const ByWay& entry, PyObject* root) {
  Ref here = borrow(gil, root);
  for (const PathStep& step : entry.steps) {
    here = follow(gil, here.get(), step);
    if (!here) return false;
  }
  return type_of(here.get()) == entry.kind.culprit_type &&
         identity_of(here.get()) == entry.kind.identity;
}

std::shared_ptr<const Finding> Told::recognise(GilLock& gil, PyObject* root, PyObject* error_type) {
  const auto known = by_root_.find(type_of(root));
  if (known == by_root_.end()) return nullptr;
  for (const ByWay& entry : known->second) {
    if (entry.kind.error_type == error_type && leads_back(gil, entry, root)) return entry.finding;
  }
  return nullptr;
}

std::shared_ptr<const Finding> Told::recognise(PyObject* root, PyObject* error_type,
                                               const Trace& trace) const {
  const auto known = by_kind_.find(kind_of(root, error_type, trace));
  if (known == by_kind_.end()) return nullptr;
  const PathStep none;
  const PathStep& last = trace.steps.empty() ? none : trace.steps.back();
  for (const auto& [step, finding] : known->second) {
    if (is_same_step(step, last)) return finding;
  }
  return nullptr;
}

void Told::remember(const GilLock& gil, PyObject* root, PyObject* error_type, Trace trace,
                    std::shared_ptr<const Finding> finding) {
  const Kind kind = kind_of(root, error_type, trace);
  if (by_kind_.size() >= kMostKinds) by_kind_.erase(by_kind_.begin());
  std::vector<ByLastStep>& of_kind = by_kind_[kind];
  if (of_kind.size() >= kMostOfRoot) of_kind.erase(of_kind.begin());
  of_kind.push_back({trace.steps.empty() ? PathStep{} : copy(gil, trace.steps.back()), finding});
  std::vector<PathStep> steps = by_attributes(gil, trace);
  for (const PathStep& step : steps) {
    if (!can_follow(step)) return;
  }
  if (by_root_.size() >= kMostRoots) by_root_.erase(by_root_.begin());
  std::vector<ByWay>& of_root = by_root_[type_of(root)];
  if (of_root.size() >= kMostOfRoot) of_root.erase(of_root.begin());
  of_root.push_back({kind, std::move(steps), std::move(finding)});
}

}  // namespace brine::pickle

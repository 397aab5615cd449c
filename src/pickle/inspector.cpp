#include "pickle/inspector.hpp"

#include <utility>

#include "cpython/error.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// At most this many parts are looked at for each object that may be held, since an iterator need
// not end.
constexpr std::size_t kStepsPerObject = 16;

// Earlier protocols call copyreg's functions, which take any arguments.
constexpr int kFirstWithNewObject = 2;
constexpr int kFirstWithKeywords = 4;

}  // namespace

Inspector::Inspector(GilLock& gil, const Inquiry& inquiry)
    : gil_(gil), inquiry_(inquiry), steps_left_(inquiry.most_objects * kStepsPerObject) {}

Ref Inspector::inspect(PyObject* root) {
  visit(root, 0, Step::root);
  for (std::uint32_t at = 0; at < nodes_.size(); ++at) {
    try {
      expand(at);
    } catch (const ErrorSet&) {
      if (PyErr_ExceptionMatches(PyExc_Exception) == 0) throw;
      Ref exception = taken_error(gil_);
      if (PyErr_GivenExceptionMatches(exception.get(), PyExc_MemoryError) != 0) complete_ = false;
      note_refusal(exception.get(), at);
    }
  }
  Ref findings = steal(gil_, PyList_New(0));
  for (const Finding& finding : findings_) {
    check(gil_, PyList_Append(findings.get(), describe(finding).get()));
  }
  return steal(gil_, Py_BuildValue("(OnO)", findings.get(), static_cast<Py_ssize_t>(nodes_.size()),
                                   complete_ ? Py_True : Py_False));
}

void Inspector::visit(PyObject* object, std::uint32_t parent, Step step, Py_ssize_t index,
                      PyObject* key) {
  if (steps_left_ == 0 || nodes_.size() >= inquiry_.most_objects) {
    complete_ = false;
    return;
  }
  --steps_left_;
  if (is_atom(object) || !seen_.insert(object).second) return;
  nodes_.push_back({borrow(gil_, object), borrow(gil_, key), index, parent, step});
}

void Inspector::expand(std::uint32_t at) {
  // nodes_ may grow and move its elements, so the object is taken out.
  PyObject* object = nodes_[at].object.get();
  if (expand_container(object, at)) return;
  if (inquiry_.builtin_only) return judge(object, nullptr, at);
  if (PyPickleBuffer_Check(object)) return expand_buffer();
  if (is_singletons_type(object)) return;
  if (PyType_CheckExact(object) || PyFunction_Check(object)) return judge(object, nullptr, at);
  Ref reduced = dispatched(object);
  if (!reduced) {
    if (PyType_Check(object)) return judge(object, nullptr, at);
    reduced = reduce(gil_, object, inquiry_.protocol);
  }
  if (PyUnicode_Check(reduced.get())) return judge(object, reduced.get(), at);
  if (is_malformed(gil_, object, reduced.get(), inquiry_.protocol)) {
    return note_refusal(Py_None, at);
  }
  expand_reduced(object, reduced.get(), at);
}

// Raises what pickle says of a buffer that it cannot write.
void Inspector::expand_buffer() const {
  constexpr int kFirstWithBuffers = 5;
  if (inquiry_.protocol >= kFirstWithBuffers) return;
  cpython::raise(gil_, PyExc_TypeError, "PickleBuffer can only be pickled with protocol >= 5");
}

// Adds the items of a built-in container. No code of the application's runs here, so nothing
// changes during the loops.
bool Inspector::expand_container(PyObject* object, std::uint32_t at) {
  if (PyDict_CheckExact(object)) {
    expand_dict(object, at, Step::item);
  } else if (PyList_CheckExact(object)) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(object); ++i) {
      visit(PyList_GET_ITEM(object, i), at, Step::index, i);
    }
  } else if (PyTuple_CheckExact(object)) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(object); ++i) {
      visit(PyTuple_GET_ITEM(object, i), at, Step::index, i);
    }
  } else if (PyAnySet_CheckExact(object)) {
    expand_set(object, at);
  }
  return is_container(object);
}

void Inspector::expand_set(PyObject* set, std::uint32_t at) {
  Ref iterator = steal(gil_, PyObject_GetIter(set));
  for (Py_ssize_t i = 0;; ++i) {
    PyObject* next = PyIter_Next(iterator.get());
    if (next == nullptr) break;
    visit(steal(gil_, next).get(), at, Step::member, i);
  }
  if (PyErr_Occurred() != nullptr) throw ErrorSet{};
}

void Inspector::expand_dict(PyObject* dict, std::uint32_t at, Step value_step) {
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  for (Py_ssize_t i = 0; PyDict_Next(dict, &position, &key, &value) != 0; ++i) {
    if (!is_atom(key)) visit(key, at, Step::key, i);
    visit(value, at, value_step, i, key);
  }
}

// Calls what the dispatch table has for the object's class; empty if it has nothing.
Ref Inspector::dispatched(PyObject* object) {
  Ref function = pickle::dispatched(gil_, inquiry_.dispatch_table, object);
  return function ? steal(gil_, PyObject_CallOneArg(function.get(), object)) : Ref();
}

// Adds the parts of object.__reduce__(): (callable, arguments, state, list items, dict items, state
// setter).
void Inspector::expand_reduced(PyObject* object, PyObject* parts, std::uint32_t at) {
  PyObject* function = tuple_item(parts, 0);
  PyObject* arguments = tuple_item(parts, 1);
  if (function == nullptr || arguments == nullptr || !PyTuple_Check(arguments)) return;
  expand_call(object, function, arguments, at);
  PyObject* state = tuple_item(parts, 2);
  if (is_given(state)) expand_state(object, state, at);
  if (PyObject* items = tuple_item(parts, 3); is_given(items)) expand_items(items, at, false);
  if (PyObject* items = tuple_item(parts, 4); is_given(items)) expand_items(items, at, true);
  if (PyObject* setter = tuple_item(parts, 5); is_given(state) && is_given(setter)) {
    visit(setter, at, Step::callable, 5);
  }
}

void Inspector::expand_call(PyObject* object, PyObject* function, PyObject* arguments,
                            std::uint32_t at) {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(object));
  const bool new_object = makes_object(gil_, function);
  if (!new_object) visit(function, at, function == type ? Step::of_class : Step::callable, 0);
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
    PyObject* argument = PyTuple_GET_ITEM(arguments, i);
    const bool is_class = argument == type || (new_object && i == 0);
    visit(argument, at, is_class ? Step::of_class : Step::argument, i);
  }
  const Py_ssize_t count = PyTuple_GET_SIZE(arguments);
  if (!new_object) return judge_call(function, Call::How::reduce, count, at);
  if (count == 0 || inquiry_.protocol < kFirstWithNewObject) return;
  PyObject* made = PyTuple_GET_ITEM(arguments, 0);
  if (is_called(gil_, function, "__newobj__")) {
    return judge_call(made, Call::How::new_object, count - 1, at);
  }
  PyObject* given = tuple_item(arguments, 1);
  if (inquiry_.protocol >= kFirstWithKeywords && given != nullptr && PyTuple_Check(given)) {
    judge_call(made, Call::How::new_object_ex, PyTuple_GET_SIZE(given), at);
  }
}

void Inspector::judge_call(PyObject* function, Call::How how, Py_ssize_t arguments,
                           std::uint32_t at) {
  if (inquiry_.misfit == Py_None) return;
  const auto key = std::tuple(function, how, arguments);
  auto found = calls_.find(key);
  if (found == calls_.end()) {
    Ref verdict = steal(gil_, PyObject_CallFunction(inquiry_.misfit, "Oin", function,
                                                    static_cast<int>(how), arguments));
    found = calls_.emplace(key, Judged{borrow(gil_, function), std::move(verdict)}).first;
  }
  if (found->second.verdict.get() == Py_None) return;
  add_finding(borrow(gil_, found->second.verdict.get()), at);
}

void Inspector::expand_state(PyObject* object, PyObject* state, std::uint32_t at) {
  const Step step = has_own_getstate(gil_, object) ? Step::state_item : Step::attribute;
  if (PyDict_CheckExact(state)) return expand_dict(state, at, step);
  if (is_state_with_slots(state)) {
    PyObject* own = PyTuple_GET_ITEM(state, 0);
    if (own != Py_None) expand_dict(own, at, step);
    return expand_dict(PyTuple_GET_ITEM(state, 1), at, step);
  }
  visit(state, at, Step::state);
}

void Inspector::expand_items(PyObject* iterator, std::uint32_t at, bool pairs) {
  const auto most = static_cast<Py_ssize_t>(inquiry_.most_objects / 2);
  for (Py_ssize_t i = 0; complete_; ++i) {
    if (i == most) {  // an iterator need not end, and other parts count too
      complete_ = false;
      return;
    }
    PyObject* next = PyIter_Check(iterator) != 0 ? PyIter_Next(iterator) : nullptr;
    if (next == nullptr) break;
    Ref item = steal(gil_, next);
    if (!pairs) {
      visit(item.get(), at, Step::index, i);
    } else if (PyTuple_Check(item.get()) && PyTuple_GET_SIZE(item.get()) == 2) {
      PyObject* key = PyTuple_GET_ITEM(item.get(), 0);
      visit(key, at, Step::key, i);
      visit(PyTuple_GET_ITEM(item.get(), 1), at, Step::item, i, key);
    }
  }
  if (PyErr_Occurred() != nullptr) throw ErrorSet{};
}

void Inspector::judge(PyObject* object, PyObject* name, std::uint32_t at) {
  Ref verdict = steal(gil_, PyObject_CallFunctionObjArgs(
                                inquiry_.judge, object, name != nullptr ? name : Py_None, nullptr));
  add_finding(std::move(verdict), at);
}

void Inspector::note_refusal(PyObject* exception, std::uint32_t at) {
  if (inquiry_.refused == Py_None) return;
  add_finding(steal(gil_, PyObject_CallOneArg(inquiry_.refused, exception)), at);
}

void Inspector::add_finding(Ref verdict, std::uint32_t at) {
  if (verdict.get() == Py_None) return;
  if (findings_.size() < inquiry_.most_findings) {
    findings_.push_back({std::move(verdict), at});
  } else {
    complete_ = false;
  }
}

Ref Inspector::describe(const Finding& finding) const {
  Ref steps = steal(gil_, PyList_New(0));
  Ref way = steal(gil_, PyList_New(0));
  for (std::uint32_t at = finding.node; nodes_[at].step != Step::root; at = nodes_[at].parent) {
    const Node& node = nodes_[at];
    Ref step = make_step(gil_, node.step, node.index, node.key.get());
    check(gil_, PyList_Append(steps.get(), step.get()));
    check(gil_, PyList_Append(way.get(), nodes_[node.parent].object.get()));
  }
  check(gil_, PyList_Reverse(steps.get()));
  check(gil_, PyList_Reverse(way.get()));
  return steal(gil_, Py_BuildValue("(OOOO)", finding.verdict.get(), steps.get(), way.get(),
                                   nodes_[finding.node].object.get()));
}

}  // namespace brine::pickle

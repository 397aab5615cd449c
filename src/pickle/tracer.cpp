#include "pickle/tracer.hpp"

#include <frameobject.h>

#include <utility>

namespace brine::pickle {

using cpython::borrow;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// An iterator need not end.
constexpr Py_ssize_t kMostItems = 10'000'000;

// A structure that is deeper than this may itself be what pickle failed at.
constexpr std::size_t kDeep = 100;

// Thrown where the walk leads elsewhere than pickle's did, or gets too long.
struct Astray {};

// Returns the text of an exception without running any code of its own; null: it has none.
PyObject* text_of(PyObject* error) noexcept {
  PyObject* arguments = reinterpret_cast<PyBaseExceptionObject*>(error)->args;
  if (arguments == nullptr || !PyTuple_CheckExact(arguments)) return nullptr;
  PyObject* text = tuple_item(arguments, 0);
  return text != nullptr && PyUnicode_CheckExact(text) ? text : nullptr;
}

// Returns true for the iterators of built-in containers, which run no other code.
bool is_plain_iterator(PyObject* iterator) noexcept {
  return Py_IS_TYPE(iterator, &PyListIter_Type) || Py_IS_TYPE(iterator, &PyDictIterItem_Type) ||
         Py_IS_TYPE(iterator, &PySetIter_Type);
}

bool is_recursion(PyObject* error) noexcept {
  return PyErr_GivenExceptionMatches(error, PyExc_RecursionError) != 0;
}

bool is_same_error(PyObject* error, PyObject* other) {
  if (Py_TYPE(error) != Py_TYPE(other)) return false;
  if (is_recursion(error)) return true;
  PyObject *text = text_of(error), *other_text = text_of(other);
  if (text == nullptr || other_text == nullptr) return text == other_text;
  return PyUnicode_Compare(text, other_text) == 0;
}

}  // namespace

const char* how_name(Trace::How how) noexcept {
  switch (how) {
    case Trace::How::named:
      return "named";
    case Trace::How::refused:
      return "refused";
    case Trace::How::malformed:
      return "malformed";
  }
  return "";
}

Ref Trace::as_python(const GilLock& gil) const {
  Ref shown = steal(gil, PyList_New(0));
  Ref objects = steal(gil, PyList_New(0));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Ref step = make_step(gil, steps[i].step, steps[i].index, steps[i].key.get());
    check(gil, PyList_Append(shown.get(), step.get()));
    check(gil, PyList_Append(objects.get(), way[i].get()));
  }
  return steal(gil, Py_BuildValue("(sOOOO)", how_name(how), shown.get(), objects.get(),
                                  culprit.get(), name ? name.get() : Py_None));
}

Tracer::Tracer(GilLock& gil, const FailedDump& dump) : gil_(gil), dump_(dump) { find_raiser(); }

// The traceback begins with the function that pickle called: __reduce__(self), __getstate__(self),
// a function of the dispatch table. Its first argument is the object.
void Tracer::find_raiser() {
  PyObject* found = PyException_GetTraceback(dump_.error);
  if (found == nullptr) return;
  Ref traceback = steal(gil_, found);
  auto* frame =
      reinterpret_cast<PyObject*>(reinterpret_cast<PyTracebackObject*>(traceback.get())->tb_frame);
  try {
    Ref code = steal(gil_, PyObject_GetAttrString(frame, "f_code"));
    Ref called = steal(gil_, PyObject_GetAttrString(code.get(), "co_name"));
    for (const char* hook : {"persistent_id", "reducer_override"}) {
      if (PyUnicode_CompareWithASCIIString(called.get(), hook) == 0) hook_failed_ = true;
    }
    Ref count = steal(gil_, PyObject_GetAttrString(code.get(), "co_argcount"));
    if (PyLong_AsLong(count.get()) < 1) return;
    Ref names = steal(gil_, PyObject_GetAttrString(code.get(), "co_varnames"));
    Ref locals = steal(gil_, PyObject_GetAttrString(frame, "f_locals"));
    raiser_ = steal(gil_, PyObject_GetItem(locals.get(), PyTuple_GET_ITEM(names.get(), 0)));
    if (is_atom(raiser_.get()) || is_container(raiser_.get())) raiser_ = {};
  } catch (const ErrorSet&) {
    PyErr_Clear();  // the function has deleted its argument
  }
}

std::vector<Trace> Tracer::trace(PyObject* root) {
  if (hook_failed_) return {};
  try {
    is_behind_ = open({borrow(gil_, root), {}});
    while (!levels_.empty() && behind_ < kMostBehind && !(is_behind_ && dump_.has_hooks)) {
      Child child;
      if (next_child(levels_.back(), child)) {
        is_behind_ = open(std::move(child)) || is_behind_;
      } else {
        levels_.pop_back();
      }
    }
  } catch (const Astray&) {
    // The walk has lost its way, and finds no culprit.
  }
  if (!is_behind_) traces_.clear();
  return std::move(traces_);
}

// --- the parts of what is being pickled -------------------------------------------------------

bool Tracer::next_child(Level& level, Child& child) {
  while (level.next < level.parts.size()) {
    try {
      if (next_of(level.parts[level.next], child)) return true;
    } catch (const ErrorSet&) {
      const bool is_culprit = stopped_here() && !is_behind_;
      if (!is_culprit) throw Astray{};
      is_behind_ = found(Trace::How::refused);
      return false;
    }
    ++level.next;
  }
  return false;
}

// Takes the part's next item that is no atom.
bool Tracer::next_of(Part& part, Child& child) {
  PyObject* source = part.source.get();
  const bool is_iterator = part.kind == Part::Kind::iterator || part.kind == Part::Kind::pairs;
  if (is_behind_ && is_iterator && !is_plain_iterator(source)) return false;
  switch (part.kind) {
    case Part::Kind::one:
      if (part.position++ > 0 || is_atom(source)) return false;
      child = {borrow(gil_, source), {part.step, part.index, std::move(part.key)}};
      return true;
    case Part::Kind::sequence:
      while (part.index < PySequence_Fast_GET_SIZE(source)) {
        PyObject* item = PySequence_Fast_GET_ITEM(source, part.index++);
        if (is_atom(item)) continue;
        child = {borrow(gil_, item), {part.step, part.index - 1, {}}};
        return true;
      }
      return false;
    case Part::Kind::dict:
      return next_of_dict(part, child);
    case Part::Kind::iterator:
      while (PyObject* next = PyIter_Check(source) != 0 ? PyIter_Next(source) : nullptr) {
        child = {steal(gil_, next), {part.step, part.index++, {}}};
        if (part.index > kMostItems) throw Astray{};
        if (!is_atom(child.object.get())) return true;
      }
      if (PyErr_Occurred() != nullptr) throw ErrorSet{};
      return false;
    case Part::Kind::pairs:
      return next_of_pairs(part, child);
  }
  return false;
}

bool Tracer::next_of_dict(Part& part, Child& child) {
  for (;;) {
    if (part.value) {
      child = {std::move(part.value), {part.step, part.index - 1, std::move(part.key)}};
      if (!is_atom(child.object.get())) return true;
    }
    PyObject *key = nullptr, *value = nullptr;
    if (PyDict_Next(part.source.get(), &part.position, &key, &value) == 0) return false;
    part.key = borrow(gil_, key);
    part.value = borrow(gil_, value);
    if (!is_atom(key)) {
      child = {borrow(gil_, key), {Step::key, part.index++, {}}};
      return true;
    }
    ++part.index;
  }
}

bool Tracer::next_of_pairs(Part& part, Child& child) {
  for (;;) {
    if (part.value) {
      child = {std::move(part.value), {part.step, part.index - 1, std::move(part.key)}};
      if (!is_atom(child.object.get())) return true;
    }
    PyObject* source = part.source.get();
    PyObject* next = PyIter_Check(source) != 0 ? PyIter_Next(source) : nullptr;
    if (next == nullptr && PyErr_Occurred() != nullptr) throw ErrorSet{};
    if (next == nullptr) return false;
    Ref pair = steal(gil_, next);
    if (!PyTuple_Check(next) || PyTuple_GET_SIZE(next) != 2) throw Astray{};
    part.key = borrow(gil_, PyTuple_GET_ITEM(next, 0));
    part.value = borrow(gil_, PyTuple_GET_ITEM(next, 1));
    if (++part.index > kMostItems) throw Astray{};
    if (!is_atom(part.key.get())) {
      child = {borrow(gil_, part.key.get()), {Step::key, part.index - 1, {}}};
      return true;
    }
  }
}

void Tracer::add(Level& level, Part::Kind kind, PyObject* source, Step step, Py_ssize_t index) {
  level.parts.push_back({kind, borrow(gil_, source), step, index, 0, {}, {}});
}

// --- one object -------------------------------------------------------------------------------

// Begins with an object. Returns true if pickle has stopped at it.
bool Tracer::open(Child child) {
  PyObject* object = child.object.get();
  if (is_atom(object)) return false;
  const bool has_parts = !is_plain(object);
  if (has_parts && !seen_.insert(object).second) return false;
  if (is_behind_) ++behind_;
  if (++opened_ > kMostObjects || levels_.size() >= kMostLevels) throw Astray{};
  if (!has_parts) return false;
  if (levels_.size() >= kDeep && is_recursion(dump_.error)) throw Astray{};
  held_.push_back(borrow(gil_, object));
  levels_.push_back({std::move(child.object), std::move(child.reached), {}, 0});
  return expand(levels_.back());
}

bool Tracer::expand(Level& level) {
  PyObject* object = level.object.get();
  if (PyDict_CheckExact(object)) {
    add(level, Part::Kind::dict, object, Step::item);
  } else if (PyList_CheckExact(object) || PyTuple_CheckExact(object)) {
    add(level, Part::Kind::sequence, object, Step::index);
  } else if (PyAnySet_CheckExact(object)) {
    Ref iterator = steal(gil_, PyObject_GetIter(object));
    add(level, Part::Kind::iterator, iterator.get(), Step::member);
  } else {
    try {
      return expand_object(level);
    } catch (const ErrorSet&) {
      return refuses();
    }
  }
  return false;
}

bool Tracer::expand_object(Level& level) {
  PyObject* object = level.object.get();
  if (object == raiser_.get()) return !is_behind_ && found(Trace::How::refused);
  if (PyPickleBuffer_Check(object)) {
    return dump_.protocol < 5 && !is_behind_ && found(Trace::How::refused);
  }
  if (is_singletons_type(object)) return false;
  if (PyType_CheckExact(object) || PyFunction_Check(object)) return open_named(object, nullptr);
  if (is_behind_ && !PyDict_CheckExact(dump_.dispatch_table)) return false;
  Ref reduced = dispatched(gil_, dump_.dispatch_table, object);
  if (!reduced && PyType_Check(object)) return open_named(object, nullptr);
  if (!may_ask(Py_TYPE(object), reduced.get())) return false;
  PyObject* made =
      reduced ? PyObject_CallOneArg(reduced.get(), object) : try_reduce(object, dump_.protocol);
  if (made == nullptr) return refuses();  // to throw would take as long as the rest of the walk
  reduced = steal(gil_, made);
  if (PyUnicode_Check(reduced.get())) return open_named(object, reduced.get());
  if (is_malformed(gil_, object, reduced.get(), dump_.protocol)) {
    return !is_behind_ && found(Trace::How::malformed);
  }
  return expand_reduced(level, reduced.get());
}

// Takes the exception that the object of the last level has raised. Returns true if it is that at
// which pickle has stopped.
bool Tracer::refuses() {
  const bool is_culprit = stopped_here() && !is_behind_;
  if (is_culprit) return found(Trace::How::refused);
  if (!dump_.has_hooks && !is_behind_) throw Astray{};
  return false;
}

// Returns true if an object of this type may be asked for its parts a second time. `function` is
// the dispatch table's, or null.
bool Tracer::may_ask(PyTypeObject* type, PyObject* function) {
  if (!dump_.has_hooks && !is_behind_) return true;
  if (function != nullptr) return !runs_python(function);
  constexpr int kFirstWithoutPythonCode = 2;  // copyreg._reduce_ex calls the base's class
  return dump_.protocol >= kFirstWithoutPythonCode && !class_runs_python(gil_, type);
}

// Looks at an object that pickles by its name, `name` if its __reduce__ has returned one. Returns
// true if pickle has stopped at it; notes it if its name is a hazard.
bool Tracer::open_named(PyObject* object, PyObject* name) {
  bool is_hazard = true;
  if (PyObject* made = PyObject_CallFunction(dump_.pickle_dumps, "Oi", object, dump_.protocol);
      made != nullptr) {
    is_hazard = dump_.names_suspect(steal(gil_, made).get());
  } else {
    const bool is_same = stopped_here();
    if (is_same && !is_behind_) return found(Trace::How::named, name);
    if (!dump_.has_hooks && !is_behind_) throw Astray{};
  }
  if (is_hazard && !dump_.has_hooks && traces_.size() < kMostOthers) {
    traces_.push_back(here(Trace::How::named, name));
  }
  return false;
}

// Adds the parts of object.__reduce__() in the order in which pickle writes them.
bool Tracer::expand_reduced(Level& level, PyObject* parts) {
  add_call(level, PyTuple_GET_ITEM(parts, 0), PyTuple_GET_ITEM(parts, 1));
  if (PyObject* items = tuple_item(parts, 3); is_given(items)) {
    add(level, Part::Kind::iterator, items, Step::index);
  }
  if (PyObject* items = tuple_item(parts, 4); is_given(items)) {
    add(level, Part::Kind::pairs, items, Step::item);
  }
  PyObject* state = tuple_item(parts, 2);
  if (!is_given(state)) return false;
  if (PyObject* setter = tuple_item(parts, 5); is_given(setter)) {
    add(level, Part::Kind::one, setter, Step::callable, 5);
  }
  add_state(level, state);
  return false;
}

void Tracer::add_call(Level& level, PyObject* function, PyObject* arguments) {
  auto* type = reinterpret_cast<PyObject*>(Py_TYPE(level.object.get()));
  const bool new_object = makes_object(gil_, function);
  if (!new_object) {
    add(level, Part::Kind::one, function, function == type ? Step::of_class : Step::callable);
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(arguments); ++i) {
    PyObject* argument = PyTuple_GET_ITEM(arguments, i);
    const bool is_class = argument == type || (new_object && i == 0);
    add(level, Part::Kind::one, argument, is_class ? Step::of_class : Step::argument, i);
  }
}

void Tracer::add_state(Level& level, PyObject* state) {
  const Step step = has_own_getstate(gil_, level.object.get()) ? Step::state_item : Step::attribute;
  if (PyDict_CheckExact(state)) {
    add(level, Part::Kind::dict, state, step);
  } else if (is_state_with_slots(state)) {
    PyObject* own = PyTuple_GET_ITEM(state, 0);
    if (own != Py_None) add(level, Part::Kind::dict, own, step);
    add(level, Part::Kind::dict, PyTuple_GET_ITEM(state, 1), step);
  } else {
    add(level, Part::Kind::one, state, Step::state);
  }
}

// --- the end ----------------------------------------------------------------------------------

// Takes the exception that is set, and returns true if it is the one that the dump has failed with.
bool Tracer::stopped_here() {
  if (PyErr_ExceptionMatches(PyExc_Exception) == 0) throw ErrorSet{};
  Ref error = taken_error(gil_);
  return is_same_error(error.get(), dump_.error);
}

// Notes that pickle has stopped at the object of the last level.
bool Tracer::found(Trace::How how, PyObject* name) {
  traces_.insert(traces_.begin(), here(how, name));
  return true;
}

// Returns the way to the object of the last level.
Trace Tracer::here(Trace::How how, PyObject* name) {
  Trace trace;
  trace.how = how;
  trace.culprit = borrow(gil_, levels_.back().object.get());
  trace.name = borrow(gil_, name);
  for (const Level& level : levels_) {
    if (level.object.get() != trace.culprit.get() && !is_container(level.object.get())) {
      trace.owner = borrow(gil_, level.object.get());
    }
  }
  for (std::size_t at = 1; at < levels_.size(); ++at) {
    const PathStep& reached = levels_[at].reached;
    trace.steps.push_back({reached.step, reached.index, borrow(gil_, reached.key.get())});
    trace.way.push_back(borrow(gil_, levels_[at - 1].object.get()));
  }
  return trace;
}

}  // namespace brine::pickle

// This file says what pickle makes of an object: the ways to its parts, and what those who follow
// it have in common.
#pragma once

#include <cstdint>

#include "cpython/ref.hpp"

namespace brine::pickle {

/// The ways by which pickle gets from an object to a part of it; step_name() returns the Python
/// side's name.
enum class Step : std::uint8_t {
  root,
  item,        ///< a dict's value, by key
  index,       ///< an item of a list or tuple
  key,         ///< a dict's key, by number
  member,      ///< a member of a set, by number
  attribute,   ///< an attribute by name, also of __slots__
  state,       ///< the result of __getstate__, or the state of __reduce__
  state_item,  ///< a value of that state, by key
  callable,    ///< __reduce__()[0]
  argument,    ///< __reduce__()[1][index]
  of_class,    ///< the object's own class
};

/// Returns the Python side's name of a step.
const char* step_name(Step step) noexcept;

/// Returns a step as the Python side gets it: a pair (name of the step, key or index). `key` may be
/// null.
cpython::Ref make_step(const cpython::GilLock& gil, Step step, Py_ssize_t index, PyObject* key);

/// Takes the exception that is set.
cpython::Ref taken_error(const cpython::GilLock& gil);

/// Returns true for values that pickle writes without looking further.
bool is_atom(PyObject* object) noexcept;

/// Returns true for the built-in containers, which pickle writes without running any code of
/// theirs.
bool is_container(PyObject* object) noexcept;

/// Returns true for the classes that pickle writes as type(None) and the like.
bool is_singletons_type(PyObject* object) noexcept;

/// Returns an item of a tuple, borrowed; null: there is none.
PyObject* tuple_item(PyObject* tuple, Py_ssize_t index) noexcept;

/// Returns true if a part of __reduce__() is there and not None.
bool is_given(PyObject* part) noexcept;

/// Returns true if the `__name__` of a function is `name`, as pickle tells copyreg's functions.
bool is_called(const cpython::GilLock& gil, PyObject* function, const char* name);

/// Returns true if a part of __reduce__() is one of copyreg's functions that make an object of the
/// class in their first argument.
bool makes_object(const cpython::GilLock& gil, PyObject* function);

/// Returns what a dispatch table has for the object's class; empty if it has nothing.
cpython::Ref dispatched(const cpython::GilLock& gil, PyObject* table, PyObject* object);

/// Returns true for a small container in which there are atoms alone: nothing in it can be what
/// pickle stops at, or a hazard.
bool is_plain(PyObject* object) noexcept;

/// Returns object.__reduce_ex__(protocol), a new reference; null, with Python's exception set, if
/// it refuses: many objects are asked because they do.
PyObject* try_reduce(PyObject* object, int protocol) noexcept;

/// Returns the same, but throws ErrorSet if it refuses.
cpython::Ref reduce(const cpython::GilLock& gil, PyObject* object, int protocol);

/// Returns true if the class defines __getstate__ itself. Since Python 3.11 `object` has one too.
bool has_own_getstate(const cpython::GilLock& gil, PyObject* object);

/// Returns true if pickle refuses what `object`.__reduce_ex__ has returned, before it writes any of
/// it. `parts` is no text.
bool is_malformed(const cpython::GilLock& gil, PyObject* object, PyObject* parts, int protocol);

/// Returns true if a function is written in Python, or is an object of a class that is.
bool runs_python(PyObject* function) noexcept;

/// Returns true if Python code runs where one of the class's objects is asked for its parts.
bool class_runs_python(const cpython::GilLock& gil, PyTypeObject* type);

/// Returns true for copyreg's pair of (__dict__ or None, values of __slots__).
bool is_state_with_slots(PyObject* state) noexcept;

}  // namespace brine::pickle

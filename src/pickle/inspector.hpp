// Walks what pickle would write, from an object to the classes and functions that it leads to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_set>
#include <vector>

#include "cpython/ref.hpp"

namespace brine::pickle {

/// How pickle gets from an object to a part of it; step_name() is what the Python side calls it.
enum class Step : std::uint8_t {
  root,
  item,        ///< value of a dict's key
  index,       ///< item of a list or tuple
  key,         ///< a dict's key, counted
  member,      ///< of a set, counted
  attribute,   ///< by name, also of __slots__
  state,       ///< what __getstate__ returned, or the state of __reduce__
  state_item,  ///< value of a key of that state
  callable,    ///< __reduce__()[0]
  argument,    ///< __reduce__()[1][index]
  of_class,    ///< the object's own class
};

const char* step_name(Step step) noexcept;

/// What the walk is asked for.
struct Inquiry {
  int protocol = -1;
  /// Called as judge(object, name) for each class, function, and object that pickles by name;
  /// name is None, or what __reduce__ returned. What it returns, unless None, is a finding.
  PyObject* judge = nullptr;
  /// dispatch_table of the Pickler, or copyreg's.
  PyObject* dispatch_table = nullptr;
  /// Judge each object that is not of a built-in value type, and look no further into it.
  bool builtin_only = false;
  std::size_t most_objects = 1'000'000;
  std::size_t most_findings = 1'000;
};

/// The walk keeps its own list of what to look at next: depth costs no stack. Breadth first, so
/// that the path to a culprit is a shortest one. Objects are told apart by identity and held until
/// the end. What an object's own code raises is no finding, and the walk goes on.
class Inspector {
 public:
  Inspector(cpython::GilLock& gil, const Inquiry& inquiry);

  /// A tuple (findings, objects seen, complete); a finding is (verdict, steps, holder, culprit),
  /// its steps are pairs (name of the step, key or index). Throws ErrorSet for what is no
  /// Exception (KeyboardInterrupt, SystemExit).
  cpython::Ref inspect(PyObject* root);

 private:
  struct Node {
    cpython::Ref object;
    cpython::Ref key;
    Py_ssize_t index;
    std::uint32_t parent;
    Step step;
  };
  struct Finding {
    cpython::Ref verdict;
    std::uint32_t node;
  };

  void visit(PyObject* object, std::uint32_t parent, Step step, Py_ssize_t index = 0,
             PyObject* key = nullptr);
  void expand(std::uint32_t at);
  bool expand_container(PyObject* object, std::uint32_t at);
  void expand_set(PyObject* set, std::uint32_t at);
  void expand_dict(PyObject* dict, std::uint32_t at, Step value_step);
  cpython::Ref reduce(PyObject* object);
  cpython::Ref dispatched(PyObject* object);
  void expand_reduced(PyObject* object, PyObject* parts, std::uint32_t at);
  void expand_call(PyObject* object, PyObject* function, PyObject* arguments, std::uint32_t at);
  void expand_state(PyObject* object, PyObject* state, std::uint32_t at);
  void expand_items(PyObject* iterator, std::uint32_t at, bool pairs);
  bool has_own_getstate(PyObject* object);
  void judge(PyObject* object, PyObject* name, std::uint32_t at);
  cpython::Ref path(std::uint32_t at) const;
  cpython::Ref describe(const Finding& finding) const;
  void forgive();

  cpython::GilLock& gil_;
  const Inquiry& inquiry_;
  std::vector<Node> nodes_;
  std::vector<Finding> findings_;
  std::unordered_set<PyObject*> seen_;
  std::size_t steps_left_;
  bool complete_ = true;
};

}  // namespace brine::pickle

// Inspector walks what pickle would write, from an object to the classes and functions that it
// leads to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <unordered_set>
#include <vector>

#include "cpython/ref.hpp"
#include "pickle/parts.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {

/// The goal and the limits of a walk.
struct Inquiry {
  int protocol = -1;
  /// Called as judge(object, name) for each class, function, and object that pickles by name; name
  /// is None, or what __reduce__ returned. A result other than None is a finding.
  PyObject* judge = nullptr;
  /// Called as refused(exception) for each object that raises an exception when it is asked for its
  /// parts; with None if it returns what pickle cannot use. A result other than None is a finding.
  PyObject* refused = Py_None;
  /// Called once as misfit(callable, how, arguments) for each way in which an object is to be made
  /// again: see Call, in pickle/scanner.hpp. A result other than None is a finding.
  PyObject* misfit = Py_None;
  /// The Pickler's dispatch_table, or copyreg's.
  PyObject* dispatch_table = nullptr;
  /// Judges each object that is not of a built-in value type, and looks no further into it.
  bool builtin_only = false;
  std::size_t most_objects = 1'000'000;
  std::size_t most_findings = 1'000;
};

/// Keeps its own list of what to look at next, so depth costs no stack. The walk is breadth first,
/// so that the path to a culprit is a shortest one. Objects are told apart by identity and held
/// until the end. Where an object's own code raises an exception, the walk goes on.
class Inspector {
 public:
  Inspector(cpython::GilLock& gil, const Inquiry& inquiry);

  /// Returns a tuple (findings, objects seen, complete). A finding is (verdict, steps, way,
  /// culprit): a step is a pair (name of the step, key or index), and the way the objects that they
  /// lead from. Throws ErrorSet for an exception that is no Exception (KeyboardInterrupt,
  /// SystemExit).
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
  void expand_buffer() const;
  void expand_set(PyObject* set, std::uint32_t at);
  void expand_dict(PyObject* dict, std::uint32_t at, Step value_step);
  cpython::Ref dispatched(PyObject* object);
  void expand_reduced(PyObject* object, PyObject* parts, std::uint32_t at);
  void expand_call(PyObject* object, PyObject* function, PyObject* arguments, std::uint32_t at);
  void judge_call(PyObject* function, Call::How how, Py_ssize_t arguments, std::uint32_t at);
  void expand_state(PyObject* object, PyObject* state, std::uint32_t at);
  void expand_items(PyObject* iterator, std::uint32_t at, bool pairs);
  void judge(PyObject* object, PyObject* name, std::uint32_t at);
  void note_refusal(PyObject* exception, std::uint32_t at);
  void add_finding(cpython::Ref verdict, std::uint32_t at);
  cpython::Ref describe(const Finding& finding) const;

  cpython::GilLock& gil_;
  const Inquiry& inquiry_;
  std::vector<Node> nodes_;
  std::vector<Finding> findings_;
  std::unordered_set<PyObject*> seen_;
  struct Judged {
    cpython::Ref callable;  // so that no other one gets its address
    cpython::Ref verdict;
  };
  std::map<std::tuple<PyObject*, Call::How, Py_ssize_t>, Judged> calls_;
  std::size_t steps_left_;
  bool complete_ = true;
};

}  // namespace brine::pickle

// Tracer follows pickle's own way through an object, in pickle's order, to the place where a dump
// has failed, and runs no code of the application's behind that.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_set>
#include <vector>

#include "cpython/ref.hpp"
#include "pickle/parts.hpp"

namespace brine::pickle {

/// A dump that pickle could not do.
struct FailedDump {
  PyObject* error = nullptr;           ///< pickle's exception, or the application's own
  int protocol = 0;                    ///< that of the dump, never negative
  PyObject* dispatch_table = nullptr;  ///< the Pickler's, or copyreg's
  /// The Pickler has persistent_id or reducer_override, which may have kept objects out of the
  /// pickle. They are not called again, so no code of the application's may be run on the way.
  bool has_hooks = false;
  PyObject* pickle_dumps = nullptr;  ///< pickle's own
  /// Says whether a pickle (a bytes object) names something that may be a hazard.
  std::function<bool(PyObject*)> names_suspect;
};

/// One step of the way to an object.
struct PathStep {
  Step step = Step::root;
  Py_ssize_t index = 0;
  cpython::Ref key;  ///< may be empty
};

/// Says what is wrong with an object, and how pickle comes to it.
struct Trace {
  enum class How : std::uint8_t {
    named,      ///< a class, function or other object by a name that does not lead back to it
    refused,    ///< its own code, or its type's, raised an exception
    malformed,  ///< its __reduce__ returned what pickle cannot use
  };
  How how = How::refused;
  cpython::Ref culprit;
  cpython::Ref name;   ///< what __reduce__ has returned, if that is a text; else empty
  cpython::Ref owner;  ///< the last object on the way that is no built-in container, or empty
  std::vector<PathStep> steps;
  std::vector<cpython::Ref> way;  ///< the objects that the steps lead from, one for each step

  /// Returns (how, steps, way, culprit, name) for the Python side; see make_step().
  cpython::Ref as_python(const cpython::GilLock& gil) const;
};

/// Returns the Python side's name of a kind of trace.
const char* how_name(Trace::How how) noexcept;

/// A depth-first walk. What pickle has asked for its parts is asked a second time, in the same
/// order; the object whose code has raised the exception is recognised and not asked again. Behind
/// the culprit it looks at a few objects more, whose parts are had without any Python code.
class Tracer {
 public:
  Tracer(cpython::GilLock& gil, const FailedDump& dump);

  /// Returns what pickle stopped at, and behind it what is a hazard by its name; empty if the
  /// culprit is not to be found. Throws ErrorSet for an exception that is no Exception
  /// (KeyboardInterrupt, SystemExit).
  std::vector<Trace> trace(PyObject* root);

  static constexpr std::size_t kMostObjects = 1'000'000;
  static constexpr std::size_t kMostLevels = 10'000;
  static constexpr std::size_t kMostBehind = 50;
  static constexpr std::size_t kMostOthers = 20;

 private:
  // A part of an object, or a source of several.
  struct Part {
    enum class Kind : std::uint8_t { one, sequence, dict, iterator, pairs };
    Kind kind;
    cpython::Ref source;
    Step step;
    Py_ssize_t index = 0;     // of the next item
    Py_ssize_t position = 0;  // of PyDict_Next
    cpython::Ref key, value;  // a dict's pair whose key has been taken
  };
  // An object that is being pickled.
  struct Level {
    cpython::Ref object;
    PathStep reached;
    std::vector<Part> parts;  // in pickle's order
    std::size_t next = 0;     // index of the part that is being followed
  };
  struct Child {
    cpython::Ref object;
    PathStep reached;
  };

  void find_raiser();
  bool next_child(Level& level, Child& child);
  bool next_of(Part& part, Child& child);
  bool next_of_dict(Part& part, Child& child);
  bool next_of_pairs(Part& part, Child& child);
  bool open(Child child);
  bool expand(Level& level);
  bool expand_object(Level& level);
  bool refuses();
  bool expand_reduced(Level& level, PyObject* parts);
  void add_call(Level& level, PyObject* function, PyObject* arguments);
  void add_state(Level& level, PyObject* state);
  void add(Level& level, Part::Kind kind, PyObject* source, Step step, Py_ssize_t index = 0);
  bool open_named(PyObject* object, PyObject* name);
  bool may_ask(PyTypeObject* type, PyObject* function);
  bool stopped_here();
  bool found(Trace::How how, PyObject* name = nullptr);
  Trace here(Trace::How how, PyObject* name);

  cpython::GilLock& gil_;
  const FailedDump& dump_;
  cpython::Ref raiser_;       // the object whose code has raised the exception, or empty
  bool hook_failed_ = false;  // the exception is one of the Pickler's own hooks
  std::vector<Level> levels_;
  std::vector<cpython::Ref> held_;  // what seen_ tells apart by its address
  std::unordered_set<PyObject*> seen_;
  std::size_t opened_ = 0;     // objects that were looked at
  bool is_behind_ = false;     // the culprit has been found
  std::size_t behind_ = 0;     // objects that were looked at since
  std::vector<Trace> traces_;  // the culprit's, if there is one, is the first
};

}  // namespace brine::pickle

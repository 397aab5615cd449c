// Guard stands between an interpreter's programs and its pickle module.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "boundary/policy.hpp"
#include "cpython/fast_function.hpp"
#include "cpython/ref.hpp"
#include "pickle/framing.hpp"
#include "pickle/sampler.hpp"
#include "pickle/scanner.hpp"
#include "pickle/scope.hpp"
#include "pickle/skimmer.hpp"
#include "pickle/told.hpp"
#include "pickle/tracer.hpp"

namespace brine::pickle {

/// Globals that may be hazards: (module, qualified name).
using Suspects = std::vector<std::pair<std::string, std::string>>;

/// Calls that a stream makes and that cannot succeed.
using Misfits = std::vector<Call>;

/// A dump's suspects and misfits, as its stream shows them.
struct Suspicion {
  Suspects suspects;
  Misfits misfits;
  bool understood = true;              ///< all names of globals are known
  std::vector<std::uint32_t> watched;  ///< callables that it names and whose calls matter

  bool empty() const noexcept { return suspects.empty() && misfits.empty(); }
};

/// At most this many suspects are kept, since a Pickler that is `fast` names each class again and
/// again.
inline constexpr std::size_t kMostSuspects = 1000;

/// The highest of pickle's protocols, in all Pythons from 3.8 on.
inline constexpr int kHighestProtocol = 5;

/// Returns the protocol that an argument asks for, at most 255; -1 for pickle's default, as where
/// it is null.
int as_protocol(PyObject* argument) noexcept;

/// The arguments of a call that pickles an object.
struct Dump {
  PyObject* object = nullptr;
  int protocol = -1;            ///< -1: pickle's default
  PyObject* pickler = nullptr;  ///< the program's own Pickler, or null

  FailedObject as_failed() const noexcept;
};

/// The guard of one interpreter, whose GIL guards every member. Names that are not suspect are
/// decided here; `brine.pickle._react` judges the rest.
class Guard {
 public:
  /// Imports `_pickle`. Throws ErrorSet.
  explicit Guard(cpython::GilLock& gil);

  /// Returns the policy that holds for the calling thread.
  Policy policy() const noexcept;
  /// Sets the policy of threads that serve no request.
  void set_policy(Policy policy) noexcept { policy_ = policy; }

  /// Judges a global that a stream names. Returns the number of the callable; 0: its calls do not
  /// matter, as GlobalSink::global().
  std::uint32_t note_global(cpython::GilLock& gil, Policy policy, const Global& global,
                            Suspicion& suspicion);

  /// Judges a call of a callable that has a number.
  void note_call(cpython::GilLock& gil, const Call& call, Suspicion& suspicion);

  /// Notes that a dump of that size has been followed to its end.
  void note_followed(std::size_t size, const Suspicion& suspicion) noexcept;

  /// Returns the part of a stream, written by pickle, in which its globals are; empty: there are
  /// none, and so no hazard.
  std::string_view part_with_globals(std::string_view stream, Memo memo) const noexcept;

  /// Returns true if a stream, which pickle has written with an empty memo, names only what has
  /// been found to be harmless. Most do, and then no more has to be known of them.
  bool is_harmless(Policy policy, std::string_view part);

  /// Looks for suspects in a stream, whose globals are in that part of it, and reports them like
  /// after_success(). Returns true if there are none.
  bool judge(cpython::GilLock& gil, Policy policy, const Dump& dump, std::string_view stream,
             std::string_view part);

  /// Judges the object before a dump whose buffer_callback takes parts of it away. Throws ErrorSet
  /// if hazards are refused and the object has one.
  void before_dump(cpython::GilLock& gil, Policy policy, const Dump& dump);

  /// Reports the suspects of a dump that pickle has done; null: all that the object leads to.
  /// Throws ErrorSet if the dump is to fail.
  void after_success(cpython::GilLock& gil, Policy policy, const Dump& dump,
                     const Suspicion* suspicion);

  /// Notes that an object has been pickled by a Pickler of the program's own: if pickle refused it
  /// before, the application has gone on.
  void after_dump_by_other(cpython::GilLock& gil, const Dump& dump) noexcept;

  /// Explains a dump that has failed with pickle's exception set. The exception stays set, unless
  /// the policy refuses hazards and there is one: the guard's exception replaces it then.
  void after_failure(cpython::GilLock& gil, Policy policy, const Dump& dump) noexcept;

  /// Adds a note to pickle's exception, which is set, after a load has failed. `data` holds the
  /// stream; if it is null, `module` and `name` are what was looked for.
  void after_failed_load(cpython::GilLock& gil, PyObject* data, PyObject* module,
                         PyObject* name) noexcept;

  /// Forgets all verdicts, since a script has been loaded and names may stand for other objects.
  void forget_verdicts() noexcept {
    harmless_ = {};
    verdicts_.clear();
    misfits_.clear();
    told_.clear();
  }

  /// Has one in `every` dumps of threads that serve no request checked by a round trip; 0: none.
  void set_sampling(std::uint32_t every) noexcept { sample_ = every; }

  /// Returns N where one in N of the calling thread's dumps is checked by a round trip; 0: none.
  std::uint32_t sampling(Policy policy) const noexcept;

  /// Hands a stream that pickle has made, and that has no hazard, to those who check it, if it is
  /// its turn. Nothing is refused for what they find: the pickle has left by then. `pickler`: the
  /// program's own, or null.
  void sample(cpython::GilLock& gil, Policy policy, PyObject* stream, PyObject* pickler) noexcept;

  /// Takes note of a stream that names a script, whose classes may be others when it is loaded.
  void remember(cpython::GilLock& gil, PyObject* stream) noexcept;

  /// Says whether such streams have been noted: then loads are looked at.
  void set_remembering(bool remembering) noexcept { remembering_ = remembering; }

  /// Reports a load that has made objects of other classes than were pickled. Throws ErrorSet if
  /// hazards are refused and there is one.
  void after_load(cpython::GilLock& gil, PyObject* data);

  /// Says whether somebody collects the reports of all dumps, which then are all described.
  void set_collecting(bool collecting) noexcept { collecting_ = collecting; }

  // Functions and classes of pickle's own:
  cpython::FastFunction pickle_dumps, pickle_loads;
  cpython::Ref pickle_dump, pickle_load;
  cpython::Ref pickler_type, unpickler_type;
  cpython::Ref pickler_init, pickler_dump, pickler_clear_memo, pickler_memo, pickler_fast,
      unpickler_load, unpickler_find_class;
  // Classes of the guard's own:
  cpython::Ref writer_type, guarded_pickler, guarded_unpickler;
  Py_ssize_t writer_offset = 0;  ///< where a guarded Pickler keeps its writer
  cpython::Ref name_of_write;    ///< "write", interned

 private:
  PyObject* reaction(const cpython::GilLock& gil, const char* name);
  using Findings = std::vector<std::shared_ptr<const Finding>>;

  cpython::Ref explain(cpython::GilLock& gil, Policy policy, const Dump& dump, PyObject* error,
                       Findings& findings);
  std::vector<Trace> trace(cpython::GilLock& gil, Policy policy, const Dump& dump, PyObject* error);
  bool names_suspect(cpython::GilLock& gil, Policy policy, PyObject* stream);
  void report(cpython::GilLock& gil, const Dump& dump, std::shared_ptr<const Finding> finding);
  cpython::Ref ask(cpython::GilLock& gil, Policy policy, const Dump& dump,
                   const Suspicion* suspicion);
  /// The answer about a name, which is remembered.
  struct Verdict {
    bool suspect = false;
    std::uint32_t watched = 0;  ///< the number of a callable; 0: its calls do not matter
  };
  /// A class or function that cannot be called with any number of arguments.
  struct Watched {
    std::string module, name;
    std::uint32_t left;  ///< how many times a stream may name it until it is trusted
  };
  /// A name that is neither suspect nor watched.
  struct HarmlessName {
    std::string module, name;
  };
  bool is_harmless(std::string_view module, std::string_view name);
  Verdict verdict_on(cpython::GilLock& gil, Policy policy, std::string_view module,
                     std::string_view name);
  std::uint32_t watch(std::string_view module, std::string_view name);
  bool is_misfit(cpython::GilLock& gil, const Call& call);

  Policy policy_ = Policy::report;
  cpython::Ref reactions_;  // the module brine.pickle._react, imported when first needed
  cpython::Ref extension_registry_, dispatch_table_;  // copyreg's
  cpython::Ref pickling_error_;
  std::unordered_map<std::string, Verdict> verdicts_;  // by module NUL name, see verdict_on()
  std::array<HarmlessName, 256> harmless_;             // a cache of verdicts, each at one place
  Skimmer skimmer_;
  std::vector<Watched> watched_;  // a number is an index + 1
  std::map<std::tuple<std::uint32_t, Call::How, std::uint32_t>, bool> misfits_;
  Told told_;
  bool collecting_ = false;
  bool remembering_ = false;
  std::uint32_t sample_ = 0;
  Sampler sampler_{std::random_device{}()};
  std::string key_;  // a buffer, kept for its memory
};

}  // namespace brine::pickle

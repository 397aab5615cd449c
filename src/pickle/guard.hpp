// What stands between an interpreter's programs and its pickle module.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "boundary/policy.hpp"
#include "cpython/ref.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {

/// Names of globals in which a hazard is suspected: (module, qualified name).
using Suspects = std::vector<std::pair<std::string, std::string>>;

/// So many are kept: a Pickler that is `fast` names each class again and again.
inline constexpr std::size_t kMostSuspects = 1000;

/// One call that pickles something.
struct Dump {
  PyObject* object = nullptr;
  int protocol = -1;            ///< -1: pickle's default
  PyObject* pickler = nullptr;  ///< the Pickler, where it is the program's own
};

/// One per interpreter; every member is guarded by its GIL. What is ordinary is decided here, by
/// names alone; for the rest `brine.pickle._react` is asked.
class Guard {
 public:
  /// Imports `_pickle`.
  explicit Guard(cpython::GilLock& gil);

  /// The policy that holds for the calling thread now.
  Policy policy() const noexcept;
  /// That of threads which serve no request.
  void set_policy(Policy policy) noexcept { policy_ = policy; }

  /// Whether a global with this name may be a hazard under the policy.
  bool is_suspect(cpython::GilLock& gil, Policy policy, std::string_view module,
                  std::string_view name);

  /// The part of a stream that pickle wrote in which its globals are; empty: it has none, and so no
  /// hazard.
  std::string_view part_with_globals(std::string_view stream) const noexcept;

  /// Looks for suspects in that part, and reports them as after_success() does.
  void judge(cpython::GilLock& gil, Policy policy, const Dump& dump, std::string_view part);

  /// A dump is about to be done, in which a buffer_callback takes parts of the object away before
  /// the rest has been judged. Throws ErrorSet where hazards are refused and there is one.
  void before_dump(cpython::GilLock& gil, Policy policy, const Dump& dump);

  /// A dump of pickle's own has succeeded: reports its suspects. Throws ErrorSet where the dump is
  /// to fail. `suspects` null: all that the object leads to is suspect.
  void after_success(cpython::GilLock& gil, Policy policy, const Dump& dump,
                     const Suspects* suspects);

  /// A dump has failed, and pickle's exception is set. It still is afterwards, unless the policy
  /// refuses hazards and there is one: then the guard's is.
  void after_failure(cpython::GilLock& gil, Policy policy, const Dump& dump) noexcept;

  /// A load has failed, and pickle's exception is set: it gets a note. `data` holds the stream, or
  /// is null, and then `module` and `name` are what was looked for.
  void after_failed_load(cpython::GilLock& gil, PyObject* data, PyObject* module,
                         PyObject* name) noexcept;

  /// A script has been loaded: names may stand for other things than before.
  void forget_verdicts() noexcept { verdicts_.clear(); }

  // Pickle's own.
  cpython::Ref pickle_dumps, pickle_dump, pickle_loads, pickle_load;
  cpython::Ref pickler_type, unpickler_type;
  cpython::Ref pickler_dump, pickler_clear_memo, pickler_memo, unpickler_load, unpickler_find_class;
  // The guard's own.
  cpython::Ref writer_type, guarded_unpickler;

 private:
  PyObject* reaction(const cpython::GilLock& gil, const char* name);
  cpython::Ref ask(cpython::GilLock& gil, Policy policy, const Dump& dump, PyObject* error,
                   const Suspects* suspects);

  Policy policy_ = Policy::report;
  cpython::Ref reactions_;           // the module brine.pickle._react, imported when first needed
  cpython::Ref extension_registry_;  // copyreg's
  std::unordered_map<std::string, bool> verdicts_;  // by module NUL name, see is_suspect()
  std::string key_;                                 // kept for its memory
};

}  // namespace brine::pickle

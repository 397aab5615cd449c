// Makes the application groups of a process as they are needed.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.hpp"
#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "cpython/interpreter.hpp"
#include "cpython/ref.hpp"
#include "engine/gil_line.hpp"
#include "script/bootstrap.hpp"
#include "script/loader.hpp"
#include "wsgi/gateway.hpp"
#include "wsgi/log_streams.hpp"

namespace brine::engine {

/// One interpreter of an application group, with all that Brine keeps in it. Mostly there is one.
/// Never destroyed (see cpython::Interpreter).
struct ApplicationGroup {
  /// Makes the object in the current interpreter, `own_interpreter`. `process_config` has to live
  /// as long. `main` is the main interpreter's group, null for that itself. Throws ErrorSet.
  ApplicationGroup(const cpython::GilLock& gil, cpython::Interpreter own_interpreter,
                   ApplicationGroup* main, const Config& process_config, const std::string& name);

  /// Loads the script that the configuration calls so, as a request would. Returns false after
  /// logging a failure. Throws ErrorSet.
  bool load_named(cpython::GilLock& gil, std::string_view script_name);

  /// Returns the switch interval of the interpreter's GIL, which the application may have changed.
  base::Nanos turn(const cpython::GilLock& gil) const noexcept;

  const Config& config;
  cpython::Interpreter interpreter;
  GilLine own_line;  ///< of an interpreter that shares the main one's GIL, it is not used
  GilLine& line;     ///< the line before the interpreter's GIL
  const cpython::Ref get_switch_interval;  ///< sys.getswitchinterval
  script::Bootstrap bootstrap;
  script::Loader loader;
  wsgi::Gateway gateway;
};

/// Sets the switch interval of the current interpreter's GIL, if the options name one; otherwise it
/// stays Python's own. Throws ErrorSet.
void set_switch_interval(const cpython::GilLock& gil, const InterpreterOptions& options);

/// Thrown if there is no such group; the reason has been logged.
enum class NoGroup { limit, failed };

/// The application groups of the process, by their name. They live until the process ends.
class ApplicationGroups {
  struct Slot;

 public:
  /// The interpreter that was chosen for a request. It counts as one that runs there while this
  /// object lives.
  class Turn {
   public:
    Turn(ApplicationGroup& group, Slot* slot, std::size_t index) noexcept
        : group_(group), slot_(slot), index_(index) {}
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

    ApplicationGroup& group() const noexcept { return group_; }

   private:
    ApplicationGroup& group_;
    Slot* const slot_;  // null: the group has one interpreter, and nothing is counted
    const std::size_t index_;
  };

  /// Makes the main interpreter's group. The calling thread has started Python and holds the GIL.
  ApplicationGroups(const cpython::GilLock& gil, const Config& config);

  /// Returns an interpreter of the group of that name (empty: the main interpreter), that with the
  /// fewest requests, and makes the group's interpreters if it is new. BLOCKS while another thread
  /// makes them, so the caller must not hold a GIL. Throws NoGroup after logging the reason.
  Turn choose(std::string_view name, wsgi::NamedBy named_by, base::LogSink& log);

  /// Returns all interpreters of the group, and makes them as choose() does.
  std::vector<ApplicationGroup*> interpreters_of(std::string_view name, wsgi::NamedBy named_by,
                                                 base::LogSink& log);

  ApplicationGroup& main() const noexcept { return *main_; }

  /// Returns all interpreters of all groups, the main interpreter's first.
  std::vector<ApplicationGroup*> all() const;

  /// Returns how many interpreters there are, without a lock.
  std::size_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  struct Slot {
    explicit Slot(std::size_t interpreters) : groups(interpreters), running(interpreters) {}
    bool is_complete() const noexcept { return groups.back() != nullptr; }

    std::mutex making;                                   // held while the interpreters are made
    std::vector<std::atomic<ApplicationGroup*>> groups;  // each set once, in order, under `making`
    // An interpreter whose set-up has failed: none is ever finalised, so the next attempt takes it.
    std::optional<cpython::Interpreter> spare;  // guarded by `making`
    std::mutex choosing;
    std::vector<int> running;  // requests in each of them; guarded by `choosing`
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  Slot& slot(std::string_view name, wsgi::NamedBy named_by, base::LogSink& log);
  Slot& complete_slot(std::string_view name, wsgi::NamedBy named_by, base::LogSink& log);
  void warn_of_main(base::LogSink& log) noexcept;
  ApplicationGroup* make(const std::string& name, Slot& slot, base::LogSink& log);
  cpython::Interpreter make_interpreter(const std::string& name);

  const Config config_;
  ApplicationGroup* main_;
  std::atomic<bool> warned_of_main_{false};
  std::atomic<std::size_t> count_{1};
  std::mutex interpreter_making_;  // held while Python makes an interpreter
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_:
  std::unordered_map<std::string, std::unique_ptr<Slot>, Hash, std::equal_to<>> slots_;
  int slots_of_clients_ = 0;  // how many of slots_ clients have named
};

}  // namespace brine::engine

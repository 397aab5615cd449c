// Makes the application groups of a process as they are needed.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "cpython/interpreter.hpp"
#include "script/bootstrap.hpp"
#include "script/loader.hpp"
#include "wsgi/gateway.hpp"
#include "wsgi/log_streams.hpp"

namespace brine::engine {

/// An interpreter with all that Brine keeps in it. Never destroyed (see cpython::Interpreter).
struct ApplicationGroup {
  /// Makes the group in the current interpreter, `own_interpreter`. Throws ErrorSet.
  ApplicationGroup(const cpython::GilLock& gil, cpython::Interpreter own_interpreter,
                   const Config& config, const std::string& name);

  cpython::Interpreter interpreter;
  script::Bootstrap bootstrap;
  script::Loader loader;
  wsgi::Gateway gateway;
};

/// Sets the switch interval of the current interpreter's GIL, if the options have one. Throws
/// ErrorSet.
void set_switch_interval(const cpython::GilLock& gil, const InterpreterOptions& options);

/// Thrown if there is no such group; the reason has been logged.
enum class NoGroup { limit, failed };

/// The application groups of the process, by their name. They live until the process ends.
class ApplicationGroups {
 public:
  /// Makes the main interpreter's group. The calling thread has started Python and holds the GIL.
  ApplicationGroups(const cpython::GilLock& gil, const Config& config);

  /// Returns the group of that name (empty: the main interpreter), and makes it if it is new.
  /// BLOCKS while another thread makes it, so the caller must not hold the GIL. Throws NoGroup
  /// after logging the reason.
  ApplicationGroup& get(std::string_view name, wsgi::NamedBy named_by, base::LogSink& log);

  ApplicationGroup& main() const noexcept { return *main_; }

  /// Returns all groups, the main interpreter's first.
  std::vector<ApplicationGroup*> all() const;

 private:
  struct Slot {
    std::mutex making;                              // held while the interpreter is made
    std::atomic<ApplicationGroup*> group{nullptr};  // set once, with `making` held
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };

  Slot& slot(std::string_view name, wsgi::NamedBy named_by, base::LogSink& log);
  ApplicationGroup* make(const std::string& name, base::LogSink& log);
  cpython::Interpreter make_interpreter(const std::string& name);

  const Config config_;
  ApplicationGroup* main_;
  std::mutex interpreter_making_;  // held while Python makes an interpreter
  mutable std::shared_mutex mutex_;
  // Guarded by mutex_:
  std::unordered_map<std::string, std::unique_ptr<Slot>, Hash, std::equal_to<>> slots_;
  int slots_of_clients_ = 0;  // how many of slots_ clients have named
};

}  // namespace brine::engine

// Host is what the supervisor needs of httpd; src/apache/process implements it, so that the
// supervisor itself includes nothing of httpd's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"
#include "metrics/life_event.hpp"

namespace brine::daemon {

/// The program of a group's processes, and what it is started with.
struct Program {
  int worker = -1;                     ///< descriptor of brine-worker
  int engine = -1;                     ///< descriptor of the engine's shared object, likewise
  std::string engine_path;             ///< path at which the engine was found
  std::vector<std::string> arguments;  ///< argv, as ps shows it
  std::string process_name;            ///< the name that `ps -o comm` shows
  bool at_terminal = false;            ///< httpd -X: 0 and 1 stay the supervisor's own
};

/// The functions of httpd that the supervisor calls, in its own process.
class Host {
 public:
  /// Returns the error log of the server that the group belongs to.
  virtual base::LogSink& log(const Group& group) noexcept = 0;
  /// Returns the least important level that this log takes.
  virtual base::Level log_level(const Group& group) = 0;

  /// Returns the number of httpd's generation, which each restart raises, of this configuration.
  virtual int generation() const noexcept = 0;

  /// Tells of an event in the life of one of the group's processes. Does not block.
  virtual void tell(const metrics::LifeEvent& event) noexcept = 0;

  /// Returns nothing if the program is not there; the reason has been logged.
  virtual std::optional<Program> program(const Group& group) = 0;

  /// Returns what the group's processes start Python with.
  virtual engine::Config engine_config(const Group& group) = 0;

 protected:
  ~Host() = default;
};

}  // namespace brine::daemon

// What the supervisor needs of httpd's world; src/apache implements it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The program of a group's processes, and what it is started with.
struct Program {
  int worker = -1;                     ///< brine-worker, opened when the configuration was read
  int engine = -1;                     ///< the engine's shared object, likewise
  std::string engine_path;             ///< where that was found
  std::vector<std::string> arguments;  ///< as ps shows them
  std::string process_name;            ///< as ps -o comm does
  bool at_terminal = false;  ///< whoever runs httpd debugs: 0 and 1 are the supervisor's own
};

class Host {
 public:
  /// The error log of the server that a group belongs to.
  virtual base::LogSink& log(const Group& group) noexcept = 0;
  /// The least important level that this log takes.
  virtual base::Level log_level(const Group& group) = 0;

  /// None if it is not there; the reason has been logged.
  virtual std::optional<Program> program(const Group& group) = 0;

  /// What a group's processes start Python with.
  virtual engine::Config engine_config(const Group& group) = 0;

 protected:
  ~Host() = default;
};

}  // namespace brine::daemon

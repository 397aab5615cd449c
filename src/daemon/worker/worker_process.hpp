// A daemon process: serves requests that come over connections from httpd, until it is told to go.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/shared/handover.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {

/// What a daemon process has.
struct WorkerContext {
  Group group;
  ProcessView memory;  ///< its slot's
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::vector<Script> scripts;  ///< to load before it is ready
  PrivateFd control;
  PrivateFd connections;
};

/// The whole life of a daemon process, which has one thread. `handover` says what it is, and the
/// descriptors of handover.hpp are there.
[[noreturn]] void run_worker(const Handover& handover) noexcept;

}  // namespace brine::daemon

// The main function of a daemon process, which serves requests of httpd's children until it is told
// to end.
#pragma once

#include <cstdint>
#include <vector>

#include "daemon/shared/handover.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {

/// The resources that a daemon process works with.
struct WorkerContext {
  Group group;
  ProcessView memory;  ///< its slot's memory
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::vector<Script> scripts;  ///< scripts to load before it is ready
  PrivateFd control;
  PrivateFd connections;
};

/// Runs a daemon process, or a template and each process that it forks, from its start, with one
/// thread, to its end. `first` tells what it is, and the descriptors of handover.hpp are open.
/// `title` is the program's argv[0].
[[noreturn]] void run_worker(const Handover& first, char* title) noexcept;

}  // namespace brine::daemon

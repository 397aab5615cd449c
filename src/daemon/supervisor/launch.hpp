// Forks a daemon process, which executes brine-worker.
#pragma once

#include "daemon/shared/handover.hpp"
#include "daemon/supervisor/host.hpp"
#include "daemon/supervisor/process.hpp"

namespace brine::daemon {

/// The things that a process is started with, apart from its channels to the supervisor.
struct Launch {
  const Program& program;
  const Handover& handover;
  int output = -1;       ///< takes what is written to descriptors 1 and 2
  int slot_memory = -1;  ///< descriptor of the file that holds its slot's memory
};

/// Makes the process's channels and forks it. Throws std::system_error.
void launch(Process& process, const Launch& with);

}  // namespace brine::daemon

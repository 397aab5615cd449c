// Starts a daemon process: forks one that executes brine-worker, or has a template fork it.
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

/// Makes the process's channels, and returns its ends of them. Throws std::system_error.
FarEnds make_channels(Process& process);

/// Forks the process. Throws std::system_error.
void launch(Process& process, const FarEnds& far, const Launch& with);

/// Orders the process of a template, over whose control channel. Returns false if the template has
/// not taken so many orders yet. Throws std::system_error.
bool order(Process& process, int control, const Handover& handover, int slot_memory);

}  // namespace brine::daemon

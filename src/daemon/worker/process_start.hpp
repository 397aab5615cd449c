// The first steps of a process that brine-worker has been executed for: signals, identity, Python.
#pragma once

#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/handover.hpp"

namespace brine::daemon {

/// Catches signals, takes on the group's identity and limits, and starts Python. The process has
/// one thread, and its private descriptors are hidden from forks already. Ends the process if
/// Python cannot start, which has been logged then; throws CannotBecome and std::system_error.
engine::Engine& start_process(const Handover& handover, base::LogSink& log);

/// Does for a process that its template has forked what start_process() does and a fork undoes.
/// Throws std::system_error.
void adopt_process();

}  // namespace brine::daemon

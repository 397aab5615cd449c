// Turns a process that the supervisor has forked into brine-worker.
#pragma once

#include <array>

#include "daemon/shared/handover.hpp"
#include "daemon/supervisor/host.hpp"

namespace brine::daemon {

/// Executes the program in a process that the supervisor has just forked, with these descriptors
/// under the numbers of handover.hpp and no others; -1 stands for /dev/null as descriptor 0. The
/// signal mask stays as it is. On failure the reason is written to descriptor 2, and the process
/// exits with the status `failure`.
[[noreturn]] void exec_worker(const Program& program, std::array<int, kEndOfFds> fds,
                              int failure) noexcept;

}  // namespace brine::daemon

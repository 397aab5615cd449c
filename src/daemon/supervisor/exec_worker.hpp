// From the supervisor's fork to the daemon process's program.
#pragma once

#include <array>

#include "daemon/shared/handover.hpp"
#include "daemon/supervisor/host.hpp"

namespace brine::daemon {

/// In a process that the supervisor has just forked: becomes the program, with these descriptors
/// under the numbers of handover.hpp and no others; 0 is /dev/null where none is given (-1). The
/// signal mask stays as it is. If it cannot, descriptor 2 tells why, and the process ends with
/// `failure`.
[[noreturn]] void exec_worker(const Program& program, std::array<int, kEndOfFds> fds,
                              int failure) noexcept;

}  // namespace brine::daemon

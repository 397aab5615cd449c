// Reads from /proc what a process uses of the system.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"

namespace brine::metrics {

/// The resources that a process uses.
struct Usage {
  std::uint64_t resident = 0;  ///< bytes
  base::Nanos started = 0;     ///< when it was started
  base::Nanos cpu = 0;         ///< user's and system's time since then
  std::uint32_t descriptors = 0;
  std::uint32_t threads = 0;
};

/// Returns the usage that a text of /proc/PID/stat tells of, without descriptors; nothing if it is
/// malformed. `tick` is the unit of its times, `page` the size of a page in bytes. `started` is by
/// CLOCK_BOOTTIME, which goes on while the machine is suspended.
std::optional<Usage> usage_in(std::string_view stat, base::Nanos tick, std::uint64_t page);

/// Returns the usage of a process; nothing if there is no such process. `started` is by
/// base::now(), and less than that by the time in which the machine has been suspended since.
std::optional<Usage> usage_of(pid_t pid);

}  // namespace brine::metrics

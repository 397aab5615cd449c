// Decides at which numbers of a group each of its processes is replaced, so that they do not all
// leave at once. A pure function.
#pragma once

#include <cstddef>
#include <cstdint>

#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The limits at which one process is replaced; 0: none.
struct RecycleLimits {
  std::uint64_t maximum_requests = 0;
  Duration restart_interval{0};
  std::uint64_t memory_recycle = 0;
};

/// Returns the limits of the process that is started as the group's `number`-th, in a group of
/// `processes`. None is below the option, nor above the option and its jitter together. The jitter
/// is divided among as many processes in a row as the group has: each of them takes a random place
/// in the lower half of its own part, so that no two come close. `seed` is that of the process's
/// random numbers.
RecycleLimits recycle_limits(const Limits& limits, std::uint64_t number, std::size_t processes,
                             std::uint64_t seed);

}  // namespace brine::daemon

// Which groups start a process next: as many processes start at once as there are processors, over
// all groups. A decision without effects and without a clock.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.hpp"

namespace brine::daemon {

/// A process that has been starting for so long holds its place no longer. The imports of a large
/// application take less on a processor of its own; one that takes longer most likely waits for
/// something else than a processor, or for ever, and must not keep other groups from starting.
inline constexpr base::Nanos kLongestHold = 5 * base::kSecond;

/// A group that has too few processes.
struct Claim {
  std::size_t group = 0;
  std::ptrdiff_t missing = 0;
  bool awaited = false;   ///< requests wait for a process of it
  bool served = false;    ///< it has a process that serves or starts
  base::Nanos since = 0;  ///< it has had too few since then
};

/// The groups that start a process now, in this order; one that starts several is named as often.
/// Groups for which requests wait go first, among these those without any process, and then those
/// that have waited for longest.
std::vector<std::size_t> next_starts(std::vector<Claim> claims, std::ptrdiff_t places);

}  // namespace brine::daemon

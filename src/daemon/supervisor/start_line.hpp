// Decides which groups start a process next: over all groups, as many processes start at once as
// there are processors. Pure functions.
#pragma once

#include <cstddef>
#include <vector>

#include "base/clock.hpp"

namespace brine::daemon {

/// A process that has been starting for longer than this holds its place in the line no longer. The
/// imports of a large application take less on a processor of their own; a process that takes
/// longer most likely waits for something else, perhaps for ever, and must not keep other groups
/// from starting.
inline constexpr base::Nanos kLongestHold = 5 * base::kSecond;

/// A group that has too few processes.
struct Claim {
  std::size_t group = 0;
  std::ptrdiff_t missing = 0;
  bool awaited = false;   ///< requests wait for a process of the group
  bool served = false;    ///< a process of the group serves or starts
  base::Nanos since = 0;  ///< since when the group has had too few
};

/// Returns the groups that start a process now, in this order; a group that starts several is named
/// several times. Groups that requests wait for come first, among these the ones without any
/// process, and then the ones that have waited for longest.
std::vector<std::size_t> next_starts(std::vector<Claim> claims, std::ptrdiff_t places);

}  // namespace brine::daemon

// Counts the processors that this server may use. A container often has a share of a machine's
// processors, which the machine's own number does not tell.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace brine::daemon {

/// Returns the control group of version 2 in the text of /proc/self/cgroup (cgroups(7)), as a path
/// that begins with a slash, or nothing if there is none.
std::optional<std::string> control_group(std::string_view text);

/// Returns how many processors the text of a cpu.max file allows, rounded up: "150000 100000", two
/// numbers in microseconds, allows 2. Returns nothing for "max", which sets no limit, and for
/// anything that cannot be read as two numbers.
std::optional<std::size_t> allowed_by(std::string_view cpu_max);

/// Returns how many processors this process may use, at least 1: those that the scheduler may
/// choose from (sched_getaffinity(2)), and no more than the cpu.max of its control group, or of any
/// that this one is in, allows.
std::size_t processors();

}  // namespace brine::daemon

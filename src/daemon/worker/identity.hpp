// What a daemon process becomes before it runs anything of the user's: its limits, its identity,
// its surroundings.
#pragma once

#include <stdexcept>
#include <string>

#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// A step failed: the process must not go on. The text names the step, the system's reason, and
/// what to do.
struct CannotBecome : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Takes on everything that the group says, for good. Called once, by a process that has one
/// thread. Throws CannotBecome, before anything of the user's is run, if a single step fails.
void become(const Group& group);

}  // namespace brine::daemon

// Gives a daemon process its limits, chroot, user, groups and environment, before it runs any code
// of the tenant's.
#pragma once

#include <stdexcept>
#include <string>

#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// Thrown if a step fails. The text names the step, the system's reason, and what to do; the
/// process must not go on.
struct CannotBecome : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Takes on everything that the group says, for good. The process must have one thread. Throws
/// CannotBecome if a single step fails.
void become(const Group& group);

}  // namespace brine::daemon

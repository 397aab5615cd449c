// Stats a group's scripts in a short-lived process with the group's user, so that the supervisor
// never waits for a tenant's file system.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/tenant_look.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// One look at a time, by a process of the group's user (base::TenantLook).
class ScriptLook {
 public:
  explicit ScriptLook(const Group& group);

  /// Begins a look, unless one is under way, the last one is recent, or its process still hangs.
  void begin(const std::vector<Script>& scripts, base::Nanos now);

  /// Returns a descriptor that is readable when take() has a result; -1: no look is under way.
  int fd() const { return look_ ? look_->fd() : -1; }

  /// Returns what was seen, once the look has ended; a look that takes too long has seen nothing.
  std::optional<ScriptVersions> take(base::Nanos now);

 private:
  base::Viewer viewer_;
  std::optional<base::TenantLook> look_;
  pid_t hung_ = 0;  ///< the process of the last look if it has not ended; 0: none
  base::Nanos next_ = 0;
};

}  // namespace brine::daemon

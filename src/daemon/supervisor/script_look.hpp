// Looks what a group's scripts are like, by a short-lived process with the group's user: the
// supervisor waits for no tenant's file system.
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

class ScriptLook {
 public:
  explicit ScriptLook(const Group& group);

  /// Begins a look if there is none, the last one was a while ago, and its process, if it hung, has
  /// ended.
  void begin(const std::vector<Script>& scripts, base::Nanos now);

  /// Readable when there is something to take; -1: there will be nothing.
  int fd() const { return look_ ? look_->fd() : -1; }

  /// What was seen, once it has been; a look that takes too long has seen nothing.
  std::optional<ScriptVersions> take(base::Nanos now);

 private:
  base::Viewer viewer_;
  std::optional<base::TenantLook> look_;
  pid_t hung_ = 0;  ///< the process of the last look, if it did not come to its end
  base::Nanos next_ = 0;
};

}  // namespace brine::daemon

// All descriptors and shared memory that httpd's processes and the supervisor of one configuration
// have in common. Made in httpd's first process before anything is forked; each kind of process
// then drops what is not its own. A daemon process has none of them but its slot's memory.
#pragma once

#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {

class Endpoints {
 public:
  /// Throws std::system_error: out of descriptors or memory.
  explicit Endpoints(std::span<const Group* const> groups);

  const std::vector<const Group*>& groups() const { return groups_; }
  const Scoreboard& scoreboard() const { return scoreboard_; }
  Scoreboard& scoreboard() { return scoreboard_; }

  /// Over which httpd's processes tell the supervisor, see introduction.hpp.
  int introductions_sender() const { return introductions_sender_.get(); }
  int introductions() const { return introductions_.get(); }

  /// Reads EOF when none of httpd's processes of this configuration is left.
  base::UniqueFd& generation() { return generation_.read_end; }

  /// Reads EOF when httpd's first process has left this configuration: at a restart at once, while
  /// its children of this configuration may go on for long.
  base::UniqueFd& configuration() { return configuration_.read_end; }

  /// For httpd's children: drops what is the supervisor's.
  void keep_httpds_ends();
  /// For the processes of httpd that serve: what an application forks has none of the ends.
  void hide_from_forks() const;
  /// For the supervisor: drops what is httpd's.
  void keep_supervisors_ends();

 private:
  /// Nothing is ever written to it: its reader learns that nobody holds the other end any more.
  struct LifePipe {
    LifePipe();
    base::UniqueFd read_end;
    base::UniqueFd held_end;
  };

  std::vector<const Group*> groups_;
  Scoreboard scoreboard_;
  base::UniqueFd introductions_sender_;
  base::UniqueFd introductions_;
  LifePipe generation_;
  LifePipe configuration_;
};

}  // namespace brine::daemon

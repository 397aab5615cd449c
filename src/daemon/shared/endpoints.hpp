// All descriptors and shared memory of a configuration's daemon groups. Made in httpd's first
// process before anything is forked; each kind of process then drops what is not its own.
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

  /// httpd's ends of a group's fd-passing sockets, one for each slot.
  std::vector<int> senders(std::size_t group) const;
  /// The daemon process's end of a slot's fd-passing socket.
  base::UniqueFd& receiver(std::size_t group, std::size_t slot);

  /// Reads EOF when none of httpd's processes of this configuration is left.
  base::UniqueFd& generation() { return generation_.read_end; }

  /// Reads EOF when httpd's first process has left this configuration: at a restart at once, while
  /// its children of this configuration may go on for long.
  base::UniqueFd& configuration() { return configuration_.read_end; }

  /// For httpd's children: drops what is the daemon processes'.
  void keep_httpds_ends();
  /// For the processes of httpd that serve: what an application forks has none of the ends.
  void hide_from_forks() const;
  /// For the supervisor: drops what is httpd's.
  void keep_daemons_ends();

 private:
  /// Nothing is ever written to it: its reader learns that nobody holds the other end any more.
  struct LifePipe {
    LifePipe();
    base::UniqueFd read_end;
    base::UniqueFd held_end;
  };

  std::vector<const Group*> groups_;
  Scoreboard scoreboard_;
  std::vector<std::vector<base::UniqueFd>> senders_;
  std::vector<std::vector<base::UniqueFd>> receivers_;
  LifePipe generation_;
  LifePipe configuration_;
};

}  // namespace brine::daemon

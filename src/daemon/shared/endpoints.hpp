// The descriptors and shared memory that httpd's processes and the supervisor of one configuration
// share. They are made in httpd's first process before the first fork; each process then closes
// those that it does not need. A daemon process has only its slot's memory.
#pragma once

#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "metrics/board.hpp"

namespace brine::daemon {

/// All descriptors and shared memory of one configuration, with functions that close what a process
/// does not need.
class Endpoints {
 public:
  /// Makes all endpoints; the groups count on `board`. Throws std::system_error if descriptors or
  /// memory have run out.
  Endpoints(std::span<const Group* const> groups, metrics::Board& board);

  const std::vector<const Group*>& groups() const { return groups_; }
  const Scoreboard& scoreboard() const { return scoreboard_; }
  Scoreboard& scoreboard() { return scoreboard_; }
  /// Returns the numbers for whoever looks from outside.
  metrics::Board& board() const { return board_; }

  /// Returns the socket over which httpd's processes send introductions to the supervisor.
  int introductions_sender() const { return introductions_sender_.get(); }
  int introductions() const { return introductions_.get(); }

  /// Returns the pipe that has an end of file when none of httpd's processes of this configuration
  /// is left.
  base::UniqueFd& generation() { return generation_.read_end; }

  /// Returns the pipe that has an end of file when httpd's first process has left this
  /// configuration. At a restart that is at once, while children of this configuration may run for
  /// long.
  base::UniqueFd& configuration() { return configuration_.read_end; }

  /// Closes the supervisor's ends, in httpd's children.
  void keep_httpds_ends();
  /// Hides the ends from processes that an application forks, in httpd's children.
  void hide_from_forks() const;
  /// Closes httpd's ends, in the supervisor.
  void keep_supervisors_ends();

 private:
  /// A pipe that nothing is ever written to: its end of file tells that all holders of the other
  /// end have gone.
  struct LifePipe {
    LifePipe();
    base::UniqueFd read_end;
    base::UniqueFd held_end;
  };

  std::vector<const Group*> groups_;
  metrics::Board& board_;
  Scoreboard scoreboard_;
  base::UniqueFd introductions_sender_;
  base::UniqueFd introductions_;
  LifePipe generation_;
  LifePipe configuration_;
};

}  // namespace brine::daemon

// Decides how many processes a group with processes=MIN-MAX is to have. It has no effects and reads
// no clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/clock.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The requests in the processes of a group that let requests in, at one time.
struct Load {
  std::ptrdiff_t processes = 0;
  std::uint64_t busy = 0;     ///< threads that have a request
  std::uint64_t waiting = 0;  ///< requests that wait for a thread
  bool settled = true;        ///< no process is missing, and none is starting
};

/// The number of processes that a group is to have. All functions are told the time.
///
/// It grows when all threads of all processes have been taken, and requests have waited, for
/// kCrowded: by one process, and by twice as many as before each time that the last ones have not
/// been enough within kRush; never by more than the waiting requests need. It shrinks by one when
/// fewer processes would have been enough for all requests during all of `processes-idle`, as far
/// as was looked.
class GroupSize {
 public:
  /// Requests wait for this long before the group grows.
  static constexpr base::Nanos kCrowded = 100 * base::kMillisecond;
  /// A group that is crowded again within this time grows by twice as many processes.
  static constexpr base::Nanos kRush = 5 * base::kSecond;
  /// While requests wait, the load is looked at this often.
  static constexpr base::Nanos kLook = 25 * base::kMillisecond;
  /// Processes that are not needed leave one by one, at this distance.
  static constexpr base::Nanos kBetweenLeaves = base::kSecond / 4;

  /// `before`: how many the group had before httpd was restarted; 0: none.
  GroupSize(const Group& group, std::ptrdiff_t before, base::Nanos now);

  /// Returns false for a group with a fixed number of processes.
  bool varies() const { return least_ < most_; }
  std::ptrdiff_t wanted() const { return wanted_; }
  /// Decides anew; wanted() returns what follows.
  void decide(const Load& load, base::Nanos now);
  /// Returns when decide() is to be called again without an event; 0: never.
  base::Nanos next_look(base::Nanos now) const;

 private:
  bool is_crowded(const Load& load) const;
  void note_need(const Load& load, base::Nanos now);
  void grow(const Load& load, base::Nanos now);
  void shrink(base::Nanos now);
  base::Nanos leaves_at() const;

  const std::ptrdiff_t least_;
  const std::ptrdiff_t most_;
  const std::uint64_t threads_;
  const base::Nanos idle_;  ///< 0: the group does not shrink
  std::ptrdiff_t wanted_;
  bool settled_ = true;            ///< when the load was seen last
  std::ptrdiff_t step_ = 0;        ///< by how many the group has just grown; 0: it has not
  base::Nanos crowded_since_ = 0;  ///< 0: it is not
  base::Nanos grown_at_ = 0;       ///< when the last ones to come were not there yet
  base::Nanos shrunk_at_ = 0;
  std::vector<base::Nanos> needed_at_;  ///< when the load last needed more than so many processes
};

}  // namespace brine::daemon

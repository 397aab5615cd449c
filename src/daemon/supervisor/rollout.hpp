// Decides which code version a group's processes run, and when processes are started for it. Pure
// functions, which the supervisor calls: they have no effects and read no clock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The result of starting a process.
enum class Attempt : std::uint8_t {
  loaded,    ///< the process is ready, and lacks no script that others have
  partial,   ///< ready, lacks scripts that others have, but is wanted for the rest
  lacking,   ///< ready, lacks scripts that others have, which are as good for the rest
  overdue,   ///< still loading for longer than a request waits (connect-timeout)
  no_place,  ///< for that time, old processes have held all slots
  hung,      ///< still loading after startup-timeout
  died,      ///< the process died before it was ready
  count_,
};

/// The processes that serve beside the one that was started.
enum class Others : std::uint8_t {
  none,    ///< no other process serves
  proven,  ///< others serve, and a process with its code has been ready
  older,   ///< others serve, and no process with its code has been ready
  count_,
};

/// The treatment of a process that was started; "it" is that process.
enum class Fate : std::uint8_t {
  serves,         ///< the process serves, and replaces those with older code
  serves_beside,  ///< the process serves beside older ones, which have what it lacks
  waited_for,     ///< requests wait for it too
  passed_over,  ///< no request waits for it any longer: others answer with the code that they have
  rejected,     ///< passed over and ended; tried again after a pause, or when files have changed
  replaced,     ///< another is started, after a pause if that goes on
};

/// Returns what a group does with a process that was started, by this table.
///
/// |          | none          | proven        | older         |
/// |----------|---------------|---------------|---------------|
/// | loaded   | serves        | serves        | serves        |
/// | partial  | serves_beside | serves_beside | serves_beside |
/// | lacking  | serves_beside | rejected      | rejected      |
/// | overdue  | waited_for    | waited_for    | passed_over   |
/// | no_place | waited_for    | waited_for    | passed_over   |
/// | hung     | replaced      | replaced      | rejected      |
/// | died     | replaced      | replaced      | rejected      |
Fate fate_of(Attempt attempt, Others others) noexcept;

/// The reasons to keep a process that lacks scripts which others have.
struct Merits {
  bool any = false;     ///< the process has loaded a script
  bool newer = false;   ///< the process has another version of a script than one that serves
  bool wanted = false;  ///< too few others serve, or one is to be replaced for more than new code
};

/// Returns Attempt::partial or Attempt::lacking.
Attempt judge(const Merits& merits) noexcept;

/// The numbers of a group's processes by phase.
struct Census {
  std::ptrdiff_t starting = 0;
  std::ptrdiff_t serving = 0;   ///< serve, and are not to be replaced
  std::ptrdiff_t retiring = 0;  ///< serve, and are to be replaced
  std::ptrdiff_t all = 0;
  std::ptrdiff_t recycled = 0;  ///< those retiring whose replacement can_wait()
};

/// The end of a process.
struct Death {
  std::uint32_t code = 0;
  bool told = false;  ///< the process was told to end
  bool was_ready = false;
  bool exited = false;   ///< the process exited, and no signal ended it
  bool killed = false;   ///< SIGKILL ended it
  bool overdue = false;  ///< see Attempt::overdue
  bool of_use = false;   ///< the process has served, or lived for long
};

/// The consequence for a code version that is rejected.
enum class Rejection : std::uint8_t {
  superseded,  ///< newer code has been asked for already
  ask_anew,    ///< the files have been mended meanwhile: requests wait for new code
  kept,        ///< the old code stays, which has been logged before
  kept_news,   ///< the old code stays, which has to be logged
};

/// The code versions of one group, and the times of its next starts. All functions are told the
/// time.
class Rollout {
 public:
  /// Continues with the versions that a predecessor of this supervisor has left.
  Rollout(std::uint32_t asked, std::uint32_t failed);

  std::uint32_t asked() const { return asked_; }    ///< newest version
  std::uint32_t failed() const { return failed_; }  ///< newest version that no request waits for
  std::uint32_t proven() const { return proven_; }  ///< newest version that has been ready

  /// Returns what serves beside a process with this code; `others`: whether any other process
  /// serves.
  Others beside(std::uint32_t code, bool others) const noexcept;

  // --- code

  /// Asks for the next code version.
  void ask_for_new_code();
  /// Returns true if newer code has to be loaded, since a process with `code` says that a script
  /// has changed. `changed`: the script's file has changed since it failed to load.
  bool is_news(std::uint32_t code, bool changed) const;
  /// Notes that a process with this code has become ready and serves.
  void prove(std::uint32_t code);
  /// Returns true if the newest code has been given up: missing processes are not started.
  bool is_given_up() const { return failed_ >= asked_; }
  /// Makes no request wait for this code any longer. Returns false if newer code is being started.
  bool pass_over(std::uint32_t code);
  /// Rejects the code of a process. `mended`: the files are no longer those that failed. `others`:
  /// the files that failed before have changed.
  Rejection reject(std::uint32_t code, bool mended, bool others, base::Nanos now);
  /// Returns true if a script that loaded before does not load in a serving process.
  bool is_tried_again() const { return retry_at_ != 0; }
  void plan_retry(base::Nanos now);
  bool retry_is_due(base::Nanos now) const { return retry_at_ != 0 && now >= retry_at_; }
  /// Returns true if a starting process is to be ended because it hangs in code that has been
  /// mended. Where others have loaded the same code, they notice the change themselves.
  bool is_in_the_way(std::uint32_t code, bool others) const;

  // --- scripts that none of the processes has

  /// Notes whether the newest process lacks scripts that no process has.
  void note_lacking(bool any, base::Nanos now);
  /// Returns true if processes are to load these scripts again without a request that asks for one.
  bool loads_are_due(base::Nanos now) const { return load_at_ != 0 && now >= load_at_; }
  void note_loads(bool any, base::Nanos now);

  // --- starts

  /// Returns how many processes have to be started, one at a time while may_start(), for the group
  /// to have so many as are `wanted`. `mended`: files that did not load have changed.
  std::ptrdiff_t missing(const Group& group, std::ptrdiff_t wanted, const Census& census,
                         bool mended, base::Nanos now);
  bool may_start(base::Nanos now) const { return now >= not_before_; }
  void note_fork();
  void note_refused_fork(base::Nanos now);
  /// Notes that no slot is free. Returns true if one was free before.
  bool note_full(base::Nanos now);
  void note_place() { full_since_ = 0; }
  /// Returns true if no slot has been free for so long that requests stop waiting for new code.
  bool is_full_for_long(const Limits& limits, base::Nanos now) const;

  // --- ends

  /// Notes that a process has ended. Returns what this means for its code.
  Fate note_death(const Death& death, bool others, base::Nanos now);
  /// Notes that a service's scripts have returned.
  void note_end_of_service(bool of_use, base::Nanos now);
  /// Notes that a process did not become ready within startup-timeout.
  void note_hung(base::Nanos now);
  /// Notes that a process has no descriptors left; its successor may run out of them as soon.
  void note_exhausted(bool young, base::Nanos now);

  /// Returns when something is due without an event; 0: never.
  base::Nanos next_look(base::Nanos now) const;

 private:
  void wait_longer(bool of_use, unsigned free_of_charge, base::Nanos now);

  std::uint32_t asked_;
  std::uint32_t failed_;
  std::uint32_t proven_ = 0;
  unsigned failures_ = 0;       ///< deaths in a row of processes that were of no use
  base::Nanos not_before_ = 0;  ///< no process is started before this time
  bool fork_refused_ = false;   ///< the last attempt to fork failed
  unsigned exhausted_ = 0;      ///< processes in a row that soon ran out of descriptors
  base::Nanos retry_at_ = 0;    ///< when scripts that do not load are tried again; 0: all load
  unsigned retries_ = 0;
  base::Nanos load_at_ = 0;     ///< when processes load again what they lack; 0: they lack nothing
  unsigned loads_ = 0;          ///< such loads in a row
  base::Nanos full_since_ = 0;  ///< since when no slot has been free; 0: one is
};

/// Returns true if a process has been loading its scripts for longer than a request waits
/// (connect-timeout).
bool is_overdue(const Limits& limits, base::Nanos started, base::Nanos now) noexcept;

}  // namespace brine::daemon

// Which code a group's processes are to run, and when processes are started for it: versions that
// are asked for, proven and failed ones, attempts and the pauses between them. Decisions without
// effects and without a clock.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// What comes of a process that was started.
enum class Attempt : std::uint8_t {
  loaded,    ///< it is ready, and lacks nothing that others have
  partial,   ///< it is ready, but lacks scripts that others have; for the rest it is wanted
  lacking,   ///< likewise, and for the rest the others are as good
  overdue,   ///< it has been loading for longer than a request waits for that (connect-timeout)
  no_place,  ///< for that time, old processes have had all places
  hung,      ///< it has been loading for startup-timeout
  died,      ///< before it was ready
  count_,
};

/// Who is there beside it.
enum class Others : std::uint8_t {
  none,    ///< nobody serves
  proven,  ///< others serve, and a process has been ready with its code
  older,   ///< others serve, and none has been ready with its code
  count_,
};

enum class Fate : std::uint8_t {
  serves,         ///< and replaces those with older code
  serves_beside,  ///< likewise, but some of these go on for the scripts that it lacks
  waited_for,     ///< by requests too
  passed_over,  ///< no request waits for it any longer: others answer with the code that they have
  rejected,     ///< likewise; it ends, and is tried again after a pause, or when files have changed
  replaced,     ///< it is nobody's fault: another is started, after a pause if that goes on
};

/// What a group does with a process that was started, by who is there beside it:
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

/// What a process has that lacks scripts which others have.
struct Merits {
  bool any = false;     ///< it has loaded a script
  bool newer = false;   ///< one of another version than one that serves has
  bool wanted = false;  ///< too few others serve, or one is to be replaced for more than new code
};

/// Attempt::partial or Attempt::lacking.
Attempt judge(const Merits& merits) noexcept;

/// How many of a group's processes there are.
struct Census {
  std::ptrdiff_t starting = 0;
  std::ptrdiff_t serving = 0;   ///< and not to be replaced
  std::ptrdiff_t retiring = 0;  ///< they serve too
  std::ptrdiff_t all = 0;
};

/// A process that has ended.
struct Death {
  std::uint32_t code = 0;
  bool told = false;  ///< to end
  bool was_ready = false;
  bool exited = false;   ///< and was not ended by a signal
  bool killed = false;   ///< by SIGKILL
  bool overdue = false;  ///< see Attempt::overdue
  bool of_use = false;   ///< it has served, or lived for long
};

/// What becomes of code that is rejected.
enum class Rejection : std::uint8_t {
  superseded,  ///< newer code has been asked for already
  ask_anew,    ///< the files have been mended meanwhile: those who wait go on to wait
  kept,        ///< the old code goes on, which is no news
  kept_news,   ///< likewise, and somebody has to be told
};

class Rollout {
 public:
  /// As a predecessor has left it.
  Rollout(std::uint32_t asked, std::uint32_t failed);

  std::uint32_t asked() const { return asked_; }    ///< newest version
  std::uint32_t failed() const { return failed_; }  ///< newest one for which nobody waits
  std::uint32_t proven() const { return proven_; }  ///< newest one that a process has loaded

  /// Who is there beside a process with this code, if `others` serve.
  Others beside(std::uint32_t code, bool others) const noexcept;

  // --- code

  void ask_for_new_code();
  /// A process with `code` says that a script has changed. `changed`: since it failed to load.
  /// Returns whether newer code than what has been asked for has to be loaded.
  bool is_news(std::uint32_t code, bool changed) const;
  /// A process has become ready with this code, and serves.
  void prove(std::uint32_t code);
  /// Whether the newest code has been given up: processes that are missing are not started.
  bool is_given_up() const { return failed_ >= asked_; }
  /// Nobody waits for this code any longer. Returns false if newer code is under way.
  bool pass_over(std::uint32_t code);
  /// `mended`: the files are no longer those that it failed with. `others`: nor did these fail
  /// before.
  Rejection reject(std::uint32_t code, bool mended, bool others, base::Nanos now);
  /// A script that has loaded before does not load in a process that serves.
  bool is_tried_again() const { return retry_at_ != 0; }
  void plan_retry(base::Nanos now);
  bool retry_is_due(base::Nanos now) const { return retry_at_ != 0 && now >= retry_at_; }
  /// Whether a process that began at `started` is to be ended, as it hangs in code that has been
  /// mended. (Where others have loaded the same code, they are to notice the change.)
  bool is_in_the_way(std::uint32_t code, bool others) const;

  // --- scripts that none of the processes has

  void note_lacking(bool any, base::Nanos now);
  /// Whether processes are to try them again, without a request that asks for it.
  bool loads_are_due(base::Nanos now) const { return load_at_ != 0 && now >= load_at_; }
  void note_loads(bool any, base::Nanos now);

  // --- starts

  /// So many processes have to be started, one after the other while may_start(). `mended`: files
  /// that did not load have changed.
  std::ptrdiff_t missing(const Group& group, const Census& census, bool mended, base::Nanos now);
  bool may_start(base::Nanos now) const { return now >= not_before_; }
  void note_fork();
  void note_refused_fork(base::Nanos now);
  /// There is no place for a process. Returns whether that is so for the first time.
  bool note_full(base::Nanos now);
  void note_place() { full_since_ = 0; }
  /// Whether there has been none for so long that nobody waits for new code any longer.
  bool is_full_for_long(const Limits& limits, base::Nanos now) const;

  // --- ends

  /// A process has ended. Returns what it means for its code.
  Fate note_death(const Death& death, bool others, base::Nanos now);
  /// A service's scripts have returned.
  void note_end_of_service(bool of_use, base::Nanos now);
  /// A process did not become ready within startup-timeout.
  void note_hung(base::Nanos now);
  /// A process has no descriptors left; its successor may come to the same, as soon.
  void note_exhausted(bool young, base::Nanos now);

  /// When to look again by itself; 0: never.
  base::Nanos next_look(base::Nanos now) const;

 private:
  void wait_longer(bool of_use, unsigned free_of_charge, base::Nanos now);

  std::uint32_t asked_;
  std::uint32_t failed_;
  std::uint32_t proven_ = 0;
  unsigned failures_ = 0;       ///< deaths in a row of processes that had been of no use
  base::Nanos not_before_ = 0;  ///< until then no process is started
  bool fork_refused_ = false;   ///< the last attempt came no further
  unsigned exhausted_ = 0;      ///< processes in a row that soon had no descriptors left
  base::Nanos retry_at_ = 0;    ///< when scripts that do not load are tried again; 0: they do
  unsigned retries_ = 0;
  base::Nanos load_at_ = 0;     ///< when processes try again what they lack; 0: they have all
  unsigned loads_ = 0;          ///< such attempts in a row
  base::Nanos full_since_ = 0;  ///< since then there has been no free place for a process
};

/// Whether a process has been loading its scripts for longer than a request waits for that.
bool is_overdue(const Limits& limits, base::Nanos started, base::Nanos now) noexcept;

}  // namespace brine::daemon

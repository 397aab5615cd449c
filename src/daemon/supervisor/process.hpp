// A daemon process, as the supervisor knows it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/log_budget.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "daemon/supervisor/exit_report.hpp"
#include "daemon/supervisor/lifecycle.hpp"
#include "daemon/supervisor/recycling.hpp"
#include "daemon/supervisor/worker_log.hpp"
#include "metrics/board.hpp"
#include "metrics/usage.hpp"

namespace brine::daemon {

/// A process's ends of its channels.
struct FarEnds {
  base::UniqueFd control;
  base::UniqueFd connections;
  base::UniqueFd log;
};

/// The progress of a process that its group's template forks (preload=On). Until it is forked,
/// `pid` is the template's, which loads its scripts: what happens to the template, happens to it.
enum class Birth : std::uint8_t {
  waits,    ///< until the template has loaded the scripts
  ordered,  ///< the template has been told to fork the process
  done,     ///< the process is there
};

/// One daemon process. An orphan, which has no control channel, was forked by a supervisor that has
/// died.
struct Process {
  std::size_t slot = 0;
  pid_t pid = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  base::UniqueFd control;      ///< -1: a supervisor that has died forked the process
  base::UniqueFd connections;  ///< takes connections of httpd's children for the process
  std::optional<RecordReader> records;
  LogBudget log_budget;
  base::UniqueFd crash_report;
  bool silent = false;  ///< the process has closed its end of `control`
  Birth birth = Birth::done;
  FarEnds far_ends;            ///< while it waits
  base::Nanos ordered_at = 0;  ///< when its template was told to fork it; 0: never
  base::Nanos lost_at = 0;     ///< when its channel was closed before it was forked
  pid_t template_pid = 0;      ///< of the process that has forked it, or is to
  Life life;
  RecycleLimits recycle_at;
  base::Nanos started = 0;
  bool is_grown = false;               ///< was started since all threads were taken
  std::uint64_t fresh_resident = 0;    ///< bytes when it became ready; with memory-recycle
  ScriptVersions scripts;              ///< versions of the group's scripts that it loaded
  std::size_t scripts_given = 0;       ///< how many scripts the handover told it to load
  ScriptVersions failed_scripts;       ///< those of them that did not load
  bool overdue = false;                ///< has been loading for longer than a request waits
  metrics::ProcessRow* row = nullptr;  ///< shows the process to whoever looks from outside
  metrics::Usage usage;
  base::Nanos usage_at = 0;     ///< when the usage was looked at; 0: never
  base::Nanos cpu_counted = 0;  ///< processor time that the group's number has of it

  bool orphan() const { return !control; }
  bool is(Phase phase) const { return life.phase == phase; }
  bool serves() const { return is(Phase::serving) || is(Phase::retiring); }
  /// Returns true if requests for a script may still be sent to the process.
  bool may_have(const std::string& script) const {
    return (serves() || is(Phase::keeping)) && !failed_scripts.contains(script);
  }
};

/// Returns true if a process, which need not be a child of this one, has ended, reaped or not.
bool has_ended(pid_t pid);

/// Returns true if a process is stopped, by SIGSTOP or a debugger.
bool is_stopped(pid_t pid);

/// Returns true if the process `pid` (> 0) exists and runs as this user.
bool runs_as(pid_t pid, uid_t user);

/// Returns how many bytes a process has resident; 0 if there is no such process.
std::uint64_t resident_bytes(pid_t pid);

/// Returns what a process without a slot tells about its end.
ExitReport exit_report_of(const Process& process, const std::string& group, int status,
                          long peak_kib);

/// Returns what the slot and the process tell about its end, before the slot is cleared.
ExitReport exit_report_of(const Process& process, const std::string& group, const GroupView& view,
                          int status, long peak_kib);

}  // namespace brine::daemon

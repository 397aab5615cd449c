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
#include "daemon/supervisor/worker_log.hpp"

namespace brine::daemon {

struct Process {
  std::size_t slot = 0;
  pid_t pid = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  base::UniqueFd control;      ///< none: it was forked by a supervisor that has died
  base::UniqueFd connections;  ///< takes httpd's connections to it
  std::optional<RecordReader> records;
  LogBudget log_budget;
  base::UniqueFd crash_report;
  bool silent = false;  ///< it has closed its end of `control`
  Life life;
  base::Nanos started = 0;
  std::uint64_t fresh_resident = 0;  ///< bytes when it became ready; only with memory-recycle
  ScriptVersions scripts;            ///< the group's, as they were when it loaded them
  std::size_t scripts_given = 0;     ///< so many it was told to load at its start
  ScriptVersions failed_scripts;     ///< those of them that did not load
  bool overdue = false;              ///< it has been loading its scripts for too long

  bool orphan() const { return !control; }
  bool is(Phase phase) const { return life.phase == phase; }
  bool serves() const { return is(Phase::serving) || is(Phase::retiring); }
  /// Whether requests for a script may still be sent to it.
  bool may_have(const std::string& script) const {
    return (serves() || is(Phase::keeping)) && !failed_scripts.contains(script);
  }
};

/// Whether a process that need not be a child of this one has ended, reaped or not.
bool has_ended(pid_t pid);

/// Whether the process `pid` (> 0) runs as this user; false too where there is no such process.
bool runs_as(pid_t pid, uid_t user);

/// Bytes of memory that a process has resident; 0 if it is gone.
std::uint64_t resident_bytes(pid_t pid);

/// What there is to say about a process that has ended, before its slot is cleared.
ExitReport exit_report_of(const Process& process, const std::string& group, const GroupView& view,
                          int status, long peak_kib);

}  // namespace brine::daemon

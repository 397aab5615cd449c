// Writes what a group's processes, and what they have started, log.
#pragma once

#include <poll.h>

#include <list>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"
#include "daemon/shared/log_budget.hpp"
#include "daemon/supervisor/process.hpp"
#include "daemon/supervisor/worker_log.hpp"

namespace brine::daemon {

class GroupLog {
 public:
  /// Throws std::system_error.
  GroupLog(const Group& group, base::LogSink& log)
      : group_(group.name), log_(log), output_(group.identity.uid) {}

  /// Takes what is written to descriptors 1 and 2.
  int output() const { return output_.writer(); }

  void add_to(std::vector<pollfd>& fds) const;

  /// Writes what has come that is of no process that is there.
  void read(base::Nanos now);
  /// Writes the process's records.
  void read(Process& process, base::Nanos now);

  /// Goes on to read a process's records when it has ended: what it has forked may log for long.
  void keep_reader(Process& process);

 private:
  void tell_of_flood(LogBudget& budget, const std::string& writer, base::Nanos now);

  const std::string group_;
  base::LogSink& log_;
  OutputPipe output_;
  LogBudget budget_;
  std::list<RecordReader> old_records_;  ///< of processes that have ended
};

}  // namespace brine::daemon

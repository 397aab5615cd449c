// Writes to httpd's log what a group's processes, and the programs that they started, log.
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

/// The log of one group: its output pipe, and the records of processes that have ended.
class GroupLog {
 public:
  /// Makes the group's OutputPipe. Throws std::system_error.
  GroupLog(const Group& group, base::LogSink& log)
      : group_(group.name), log_(log), output_(group.identity.uid) {}

  /// Returns the pipe's end that takes what is written to descriptors 1 and 2.
  int output() const { return output_.writer(); }

  /// Adds the descriptors that are readable when there is something to write.
  void add_to(std::vector<pollfd>& fds) const;

  /// Writes the records that belong to no living process.
  void read(base::Nanos now);
  /// Writes the records of this process.
  void read(Process& process, base::Nanos now);

  /// Keeps reading the records of a process that has ended: its children may log for a long time
  /// yet.
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

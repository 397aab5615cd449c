// What a group's processes write that belongs to no request: their log records, and what they and
// the programs that they start write to descriptors 1 and 2.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/log_budget.hpp"

namespace brine::daemon {

/// A record with the number of the process that it is of, at the end of its first line: httpd's own
/// prefix has the number of who writes it.
std::string with_process(std::string_view text, pid_t process);

/// The supervisor's end of one process's LogChannel.
class RecordReader {
 public:
  explicit RecordReader(base::UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void set_process(pid_t process) { process_ = process; }
  /// Writes what has come into `log`, within the budget. False: nothing more will come.
  bool read(base::LogSink& log, LogBudget& budget, base::Nanos now);

 private:
  base::UniqueFd fd_;
  pid_t process_ = 0;
  std::string begun_;  ///< of a text that comes in several packets
};

/// The pipe that a group's processes have as descriptors 1 and 2. It belongs to the group, as what
/// a process has started may write when that process has long ended.
class OutputPipe {
 public:
  /// `writers`: the user that the processes run as, who may open the pipe by name (/dev/stderr) to
  /// write into it. Throws std::system_error.
  explicit OutputPipe(uid_t writers);

  int writer() const { return writer_.get(); }
  int reader() const { return reader_.get(); }
  /// Writes each line that has come into `log`, within the budget.
  void read(base::LogSink& log, LogBudget& budget, base::Nanos now);

 private:
  base::UniqueFd reader_;
  base::UniqueFd writer_;
  std::string line_;  ///< not ended yet
};

}  // namespace brine::daemon

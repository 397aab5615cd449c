// Reads, in the supervisor, what a group's processes write that belongs to no request: their log
// records, and what they and their child processes write to descriptors 1 and 2.
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

/// Returns a record with the pid of the process that wrote it at the end of its first line, since
/// httpd's own prefix has the supervisor's pid.
std::string with_process(std::string_view text, pid_t process);

/// The supervisor's end of one process's LogChannel.
class RecordReader {
 public:
  explicit RecordReader(base::UniqueFd fd) : fd_(std::move(fd)) {}

  int fd() const { return fd_.get(); }
  void set_process(pid_t process) { process_ = process; }
  /// Writes the records that have come into `log`, within the budget. Returns false at the end of
  /// file.
  bool read(base::LogSink& log, LogBudget& budget, base::Nanos now);

 private:
  base::UniqueFd fd_;
  pid_t process_ = 0;
  std::string begun_;  ///< the beginning of a text that comes in several packets
};

/// The pipe that a group's processes have as descriptors 1 and 2. The group owns it and no process
/// does, because a child process may write after its parent has ended.
class OutputPipe {
 public:
  /// Makes the pipe. `writers` is the user that the processes run as, who may open the pipe by name
  /// (/dev/stderr). Throws std::system_error.
  explicit OutputPipe(uid_t writers);

  int writer() const { return writer_.get(); }
  int reader() const { return reader_.get(); }
  /// Writes each line that has come into `log`, within the budget.
  void read(base::LogSink& log, LogBudget& budget, base::Nanos now);

 private:
  base::UniqueFd reader_;
  base::UniqueFd writer_;
  std::string line_;  ///< the beginning of a line that has not ended
};

}  // namespace brine::daemon

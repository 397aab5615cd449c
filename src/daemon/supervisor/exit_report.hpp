// Words the log record that tells why a daemon process ended.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "daemon/shared/control.hpp"

namespace brine::daemon {

/// A request that was being served when the process ended.
struct InProgress {
  std::string what;  ///< "GET /path"
  std::string id;
  base::Nanos age = 0;
};

/// All that is known of the end of a daemon process.
struct ExitReport {
  int pid = 0;
  std::string group;
  int status = 0;       ///< as waitpid() gives it
  bool unseen = false;  ///< an orphan, whose status no supervisor knows
  Reason reason = Reason::none;
  bool timed_out = false;  ///< the process was killed, as it did not leave in time
  std::uint64_t served = 0;
  std::vector<InProgress> requests;
  long peak_kib = 0;
  std::string stack;  ///< faulthandler's output, or empty
};

/// Returns true if the process ended as it was told to, with nothing lost.
bool is_orderly(const ExitReport& exit_report);

/// Returns how the process ended: "exit code 0", "killed by SIGKILL".
std::string how_it_ended(const ExitReport& exit_report);

/// Returns the text of the log record without its code: one line, and the stack behind it.
std::string describe(const ExitReport& exit_report);

}  // namespace brine::daemon

#include "daemon/supervisor/exit_report.hpp"

#include <string.h>
#include <sys/wait.h>

#include "base/request_text.hpp"

namespace brine::daemon {

namespace {

std::string how(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return "status " + std::to_string(status);
  const char* name = ::sigabbrev_np(WTERMSIG(status));
  std::string text = "killed by ";
  text +=
      name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(WTERMSIG(status));
  return WCOREDUMP(status) ? text + " (core dumped)" : text;
}

std::string why(const ExitReport& exit_report) {
  if (exit_report.reason == Reason::none) return "nobody had told it to";
  std::string text = "reason: ";
  text += reason_name(exit_report.reason);
  return exit_report.timed_out ? text + ", but it did not leave in time and was killed" : text;
}

}  // namespace

bool is_orderly(const ExitReport& exit_report) {
  if (exit_report.unseen) return !exit_report.timed_out && exit_report.requests.empty();
  return exit_report.reason != Reason::none && !exit_report.timed_out &&
         WIFEXITED(exit_report.status) && WEXITSTATUS(exit_report.status) == 0 &&
         exit_report.requests.empty();
}

std::string how_it_ended(const ExitReport& exit_report) {
  return exit_report.unseen ? "nobody saw how, as its supervisor had died before it"
                            : how(exit_report.status);
}

std::string describe(const ExitReport& exit_report) {
  std::string text = "process " + std::to_string(exit_report.pid) + " of daemon group '" +
                     exit_report.group + "' ended: " + how_it_ended(exit_report) + "; " +
                     why(exit_report) + "; " + std::to_string(exit_report.served) +
                     " requests served; in progress: ";
  if (exit_report.requests.empty()) text += "none";
  for (const InProgress& request : exit_report.requests) {
    if (&request != &exit_report.requests.front()) text += ", ";
    text += base::request_name(request.what, request.id) + " for " + base::in_seconds(request.age);
  }
  text += "; peak memory " + std::to_string(exit_report.peak_kib / 1024) + " MiB";
  if (!exit_report.stack.empty()) text += "\n" + exit_report.stack;
  return text;
}

}  // namespace brine::daemon

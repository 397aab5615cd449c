#include "daemon/obituary.hpp"

#include <string.h>
#include <sys/wait.h>

#include <cstdio>

#include "base/quotes.hpp"

namespace brine::daemon {

namespace {

std::string seconds(base::Nanos time) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f s",
                static_cast<double>(time) / static_cast<double>(base::kSecond));
  return text;
}

std::string how(int status) {
  if (WIFEXITED(status)) return "exit code " + std::to_string(WEXITSTATUS(status));
  if (!WIFSIGNALED(status)) return "status " + std::to_string(status);
  const char* name = ::sigabbrev_np(WTERMSIG(status));
  std::string text = "killed by ";
  text +=
      name != nullptr ? "SIG" + std::string(name) : "signal " + std::to_string(WTERMSIG(status));
  return WCOREDUMP(status) ? text + " (core dumped)" : text;
}

std::string why(const Obituary& obituary) {
  if (obituary.reason == Reason::none) return "nobody had told it to";
  std::string text = "reason: ";
  text += reason_name(obituary.reason);
  return obituary.timed_out ? text + ", but it did not leave in time and was killed" : text;
}

}  // namespace

bool is_orderly(const Obituary& obituary) {
  if (obituary.unseen) return !obituary.timed_out && obituary.requests.empty();
  return obituary.reason != Reason::none && !obituary.timed_out && WIFEXITED(obituary.status) &&
         WEXITSTATUS(obituary.status) == 0 && obituary.requests.empty();
}

std::string describe(const Obituary& obituary) {
  std::string text = "process " + std::to_string(obituary.pid) + " of daemon group '" +
                     obituary.group + "' ended: " +
                     (obituary.unseen ? "nobody saw how, as its supervisor had died before it"
                                      : how(obituary.status)) +
                     "; " + why(obituary) + "; " + std::to_string(obituary.served) +
                     " requests served; in progress: ";
  if (obituary.requests.empty()) text += "none";
  for (const InProgress& request : obituary.requests) {
    if (&request != &obituary.requests.front()) text += ", ";
    text += base::in_quotes(request.what) + " for " + seconds(request.age);
  }
  text += "; peak memory " + std::to_string(obituary.peak_kib / 1024) + " MiB";
  if (!obituary.stack.empty()) text += "\n" + obituary.stack;
  return text;
}

}  // namespace brine::daemon

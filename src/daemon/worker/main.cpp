// Runs brine-worker, the program of a daemon process. The supervisor executes it with a handover;
// it does nothing by itself.
#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <optional>

#include "daemon/shared/handover.hpp"
#include "daemon/worker/worker_process.hpp"

namespace {

using brine::daemon::Handover;

// Sets close-on-exec on all but 0, 1 and 2, so that the application's child processes inherit these
// alone.
void keep_descriptors_private() {
  for (int fd = STDERR_FILENO + 1; fd < brine::daemon::kEndOfFds; ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

std::optional<Handover> take_handover() {
  try {
    const auto bytes = brine::daemon::read_memory(brine::daemon::kHandoverFd);
    ::close(brine::daemon::kHandoverFd);
    return bytes ? brine::daemon::decode(*bytes) : std::nullopt;
  } catch (const std::exception&) {  // memory has run out
    return std::nullopt;
  }
}

}  // namespace

int main(int, char** arguments) {
  keep_descriptors_private();
  // Never destroyed, since the process ends by _exit().
  static const std::optional<Handover> handover = take_handover();
  if (!handover) {
    std::fputs(
        "BRINE0641: brine-worker is started by httpd, with what mod_brine.so of the same build "
        "hands over to it; install both from the same build\n",
        stderr);
    return brine::daemon::kExitCannotStart;
  }
  ::prctl(PR_SET_NAME, handover->process_name.c_str());
  brine::daemon::run_worker(*handover, arguments[0]);
}

#include "daemon/worker/process_start.hpp"

#include <malloc.h>
#include <unistd.h>

#include <string>

#include "daemon/shared/private_fd.hpp"
#include "daemon/shared/signals.hpp"
#include "daemon/worker/identity.hpp"
#include "engine/engine_loader.hpp"

namespace brine::daemon {

engine::Engine& start_process(const Handover& handover, base::LogSink& log) {
  const Group& group = handover.group;
  catch_signals();
  guard_forks();
  hide_from_forks(kCrashFd);
  // The GIL lets one thread run at a time, so an arena for each thread would only cost memory.
  ::mallopt(M_ARENA_MAX, 2);
  become(group);
  // This is the engine that httpd has found, even if another file lies at its path by now. A chroot
  // has no /proc, so the path is used there.
  const std::string file =
      group.chroot.empty() ? "/proc/self/fd/" + std::to_string(kEngineFd) : handover.engine_path;
  engine::Engine* engine = engine::start_engine(file, handover.engine_path, handover.engine, log);
  ::close(kEngineFd);
  if (engine == nullptr) ::_exit(kExitCannotStart);
  return *engine;
}

void adopt_process() {
  adopt_signals();
  guard_forks();
  for (const int fd : {kControlFd, kConnectionsFd, kCrashFd}) hide_from_forks(fd);
}

}  // namespace brine::daemon

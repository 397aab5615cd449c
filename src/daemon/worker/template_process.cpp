#include "daemon/worker/template_process.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/blocked_signals.hpp"
#include "base/clock.hpp"
#include "base/stamp.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/fork_order.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/shared/signals.hpp"
#include "daemon/worker/load_log.hpp"
#include "daemon/worker/other_threads.hpp"
#include "daemon/worker/process_start.hpp"
#include "daemon/worker/warm_up.hpp"

namespace brine::daemon {

using base::Nanos;

namespace {

// The obstacle that threads are which Python does not know, or which began after it was asked.
constexpr std::string_view kThreads = "threads live in it that a forked process would lack: ";

// The obstacle that code is which a library has every new process run (pthread_atfork(3)).
constexpr const char* kEnds = "what it forks ends by a signal at once";

void tell(const Packet& packet) noexcept { send_packet(kControlFd, packet); }

// Makes the forked process that calls it the one for which the order was given.
void become_process(const ForkOrder& order) noexcept {
  for (std::size_t i = 0; i < order.size(); ++i) {
    ::dup3(order[i].get(), kOrderedFds[i], O_CLOEXEC);
  }
  try {
    adopt_process();
  } catch (const std::system_error&) {  // no descriptor is left
    ::_exit(kExitCannotStart);
  }
  // A supervisor that does not want the process any more does not know of it.
  if (!send_packet(kControlFd, {Message::forked, 0, {}})) ::_exit(kExitOk);
}

// Forks a process whose parent is the supervisor, which is the subreaper of what it has started:
// the process between the two ends at once. Returns as fork(2) does, with ECHILD where a signal has
// ended that one; in the new process, when it has been adopted.
pid_t fork_orphan() {
  int adopted[2];
  if (::pipe2(adopted, O_CLOEXEC) != 0) return -1;
  base::UniqueFd waits(adopted[0]);
  base::UniqueFd holds(adopted[1]);
  const pid_t between = ::fork();
  if (between == 0) {
    if (const pid_t forked = ::fork(); forked != 0) ::_exit(forked > 0 ? 0 : errno);
    holds.reset();
    char none = 0;
    while (::read(waits.get(), &none, 1) < 0 && errno == EINTR) {
    }
    return 0;
  }
  if (between < 0) return -1;
  int status = 0;
  while (::waitpid(between, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return between;
  errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
  return -1;
}

class Template {
 public:
  Template(const Handover& handover, engine::Engine& engine, base::LogSink& log, char* title,
           Nanos began)
      : handover_(handover), engine_(engine), log_(log), title_(title), began_(began) {}

  // Returns in a forked process.
  Forked run() {
    load_scripts();
    for (;;) {
      const std::optional<ForkOrder> order = next_order();
      if (!order || !may_fork() || !fork(*order)) continue;
      unblock_signals();  // a hook of the application's may have blocked some
      return {handover_of_forked(), std::move(loaded_)};
    }
  }

 private:
  // Tells the supervisor that this process can be forked, or ends if it cannot.
  void load_scripts() {
    for (const Script& script : handover_.scripts) {
      if (script.learnt && ::access(script.path.c_str(), F_OK) != 0 && errno == ENOENT) continue;
      // The version is taken first: a change while the script loads is to be noticed.
      const std::int64_t version = base::version_of(script.path);
      tell({Message::seen, 0, pack(ScriptVersions{{script.path, version}})});
      LoadLog log(log_);
      // The processes that are then started in the ordinary way meet the same, and tell of it.
      if (!engine_.preload(target_of(script), log)) give_up({Message::unfit, 0, {}});
      unblock_signals();  // the script may have blocked some; one that hangs gets SIGABRT
      for (const std::string& record : log.take()) log_.log(base::Level::error, record);
      end_if_forked();
      loaded_[script.path] = version;
      if (script.settings.reloading != wsgi::Reloading::off) versions_[script.path] = version;
    }
    warm_up();
    const std::string obstacle = engine_.prepare_to_fork();
    if (!obstacle.empty()) give_up({Message::unfit, 1, obstacle});
    if (const std::string threads = threads_in_the_way(); !threads.empty()) {
      give_up({Message::unfit, 1, std::string(kThreads) + threads});
    }
    ::malloc_trim(0);  // what is free is written to when it is used, in each process for itself
    tell({Message::ready, 1, {}});
  }

  // Makes the requests of warm-up= to scripts that forked processes share. What hangs cannot be
  // forked.
  void warm_up() {
    std::vector<WarmUp> requests = handover_.group.warm_ups;
    std::erase_if(requests, [](const WarmUp& request) { return !is_shared(request.script); });
    if (requests.empty()) return;
    WarmUpRun run(std::move(requests), handover_.group, engine_, log_, began_);
    run.start();
    while (run.go_on(base::now())) {
      pollfd ended{run.ended_fd(), POLLIN, 0};
      const Nanos left = std::max<Nanos>(run.look_again() - base::now(), 0);
      ::poll(&ended, 1, static_cast<int>(left / base::kMillisecond) + 1);
    }
    if (!run.has_ended()) give_up({Message::unfit, 1, run.what_hangs()});
    run.join();
  }

  [[noreturn]] static void give_up(const Packet& why) {
    tell(why);
    ::_exit(kExitOk);
  }

  static std::optional<ForkOrder> next_order() {
    pollfd fds[] = {{kControlFd, POLLIN, 0}, {signal_fd(), POLLIN, 0}};
    ::poll(fds, 2, -1);
    take_signal();  // a signal for all of the server is the supervisor's to answer
    bool closed = false;
    if (auto order = take_order(kControlFd, closed)) return order;
    if (closed) ::_exit(kExitOk);  // without exit callbacks: the forked processes run these
    return std::nullopt;
  }

  // Returns false after telling the supervisor which script is no longer what this process has
  // loaded: a process that were forked now would run a script of one release with modules of
  // another.
  bool may_fork() const {
    for (const auto& [path, version] : versions_) {
      if (base::version_of(path) == version) continue;
      tell({Message::changed, 0, path});
      return false;
    }
    return true;
  }

  // Returns true in the forked process.
  bool fork(const ForkOrder& order) {
    int error = 0;
    std::string threads;
    const pid_t pid = engine_.fork_process([&]() -> pid_t {
      threads = threads_in_the_way();  // a hook of the application's may have started some
      if (!threads.empty()) return -1;
      const pid_t forked = fork_blocked(order);
      error = errno;
      unblock_signals();  // a hook may have blocked some before, and one that follows may hang
      return forked;
    });
    if (!threads.empty()) give_up({Message::unfit, 1, std::string(kThreads) + threads});
    if (pid < 0 && error == ECHILD) give_up({Message::unfit, 1, kEnds});
    if (pid < 0) tell({Message::fork_failed, 0, std::strerror(error)});
    return pid == 0;
  }

  // Returns as fork_orphan() does.
  pid_t fork_blocked(const ForkOrder& order) const noexcept {
    const base::BlockedSignals blocked;  // until the new process has its own way to take them
    const pid_t forked = fork_orphan();
    if (forked == 0) {
      become_process(order);
      show_process_name();
    }
    return forked;
  }

  // Takes "template" from the process's own name, which the template was given by display-name.
  void show_process_name() const noexcept {
    const std::string& name = handover_.group.display_name;
    const std::size_t shown = std::strlen(title_);
    if (name.empty() || shown <= name.size()) return;
    std::memset(title_ + name.size(), 0, shown - name.size());
  }

  static Handover handover_of_forked() {
    const auto bytes = read_memory(kHandoverFd);
    ::close(kHandoverFd);
    auto handover = bytes ? decode(*bytes) : std::nullopt;
    if (!handover) ::_exit(kExitCannotStart);
    return std::move(*handover);
  }

  const Handover& handover_;
  engine::Engine& engine_;
  base::LogSink& log_;
  char* const title_;  ///< argv[0]
  const Nanos began_;  ///< when the process did
  ScriptVersions loaded_;
  ScriptVersions versions_;  ///< those of them whose changes are to be noticed
};

}  // namespace

engine::Engine& start_template(const Handover& handover, base::LogSink& log) {
  hide_from_forks(kControlFd);
  // The application's files must not get the numbers that a forked process needs.
  base::UniqueFd lowest(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const base::UniqueFd null(::fcntl(lowest.get(), F_DUPFD_CLOEXEC, kEndOfFds));
  lowest.reset();
  for (const int fd : {kHandoverFd, kConnectionsFd, kSlotFd}) ::dup3(null.get(), fd, O_CLOEXEC);
  engine::Engine& engine = start_process(handover, log);
  // One that hangs in an import does not notice that its supervisor has died, or had before this.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd control{kControlFd, 0, 0};
  if (::poll(&control, 1, 0) > 0 && (control.revents & POLLHUP) != 0) ::_exit(kExitOk);
  return engine;
}

Forked run_template(const Handover& handover, engine::Engine& engine, base::LogSink& log,
                    char* title, Nanos began) {
  return Template(handover, engine, log, title, began).run();
}

}  // namespace brine::daemon

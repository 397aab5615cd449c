#include "daemon/supervisor/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <iterator>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "daemon/shared/introduction.hpp"
#include "daemon/shared/signals.hpp"
#include "daemon/supervisor/group_supervisor.hpp"
#include "daemon/supervisor/processors.hpp"
#include "daemon/supervisor/start_line.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// At most this many introductions are read before the daemon processes have their turn.
constexpr int kMostIntroductions = 1000;

class Supervisor {
 public:
  Supervisor(Endpoints& endpoints, Host& host) : endpoints_(endpoints) {
    for (std::size_t i = 0; i < endpoints.groups().size(); ++i) {
      groups_.emplace_back(i, endpoints, host);
    }
  }

  [[noreturn]] void run() {
    for (;;) {
      const Nanos now = base::now();
      Nanos next = now + base::kTick;
      for (GroupSupervisor& group : groups_) group.tend(now);
      start_processes(now);
      for (const GroupSupervisor& group : groups_) next = std::min(next, group.next_look(now));
      const bool empty = std::all_of(groups_.begin(), groups_.end(),
                                     [](const GroupSupervisor& group) { return group.empty(); });
      if (ending_ && empty) ::_exit(0);
      wait(next);
      // Introductions are read before packets, so that the registry knows a requested script before
      // a process says that it has loaded it.
      read_introductions();
      for (GroupSupervisor& group : groups_) group.read_all(base::now());
      handle_signals();
      reap();
    }
  }

 private:
  void start_processes(Nanos now) {
    std::vector<Claim> claims;
    std::ptrdiff_t free = places_;
    for (GroupSupervisor& group : groups_) {
      free -= group.places_held(now);
      if (const auto claim = group.claim(now)) claims.push_back(*claim);
    }
    for (const std::size_t group : next_starts(std::move(claims), free)) at(group).start(now);
    for (GroupSupervisor& group : groups_) group.note_line(now);
  }

  GroupSupervisor& at(std::size_t group) {
    return *std::next(groups_.begin(), static_cast<std::ptrdiff_t>(group));
  }

  void wait(Nanos until) {
    std::vector<pollfd> fds = {{signal_fd(), POLLIN, 0},
                               {ending_ ? -1 : endpoints_.generation().get(), POLLIN, 0},
                               {endpoints_.configuration().get(), POLLIN, 0},
                               {endpoints_.introductions(), POLLIN, 0}};
    for (const GroupSupervisor& group : groups_) group.add_to(fds);
    const Nanos left = std::max<Nanos>(0, until - base::now());
    const timespec time{left / base::kSecond, left % base::kSecond};
    ::ppoll(fds.data(), fds.size(), &time, nullptr);
    if (fds[1].revents != 0) end(Reason::graceful_restart);
    if (fds[2].revents != 0) supersede();
  }

  void read_introductions() {
    for (int i = 0; i < kMostIntroductions; ++i) {
      auto introduced = take_introduction(endpoints_.introductions());
      if (!introduced) return;
      const std::size_t group = introduced->introduction.group;
      if (!introduced->valid || group >= groups_.size()) continue;
      at(group).hear(std::move(*introduced));
    }
  }

  void handle_signals() {
    while (const int signal = take_signal()) {
      if (signal == SIGTERM || signal == SIGINT) end(Reason::shutdown);
      if (signal == SIGUSR1) {
        for (GroupSupervisor& group : groups_) group.evict_all();
      }
    }
  }

  void end(Reason reason) {
    ending_ = true;
    for (GroupSupervisor& group : groups_) group.end(reason);
  }

  void supersede() {
    endpoints_.configuration().reset();
    for (GroupSupervisor& group : groups_) group.supersede();
  }

  void reap() {
    for (;;) {
      siginfo_t ended{};
      ::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT);
      const pid_t pid = ended.si_pid;
      if (pid == 0) return;
      // A process that has ended as soon as a template had forked it has said who it is.
      for (GroupSupervisor& group : groups_) group.read_births(base::now());
      int status = 0;
      rusage usage{};
      ::wait4(pid, &status, WNOHANG, &usage);
      // All are told, since a process may have passed itself off as another group's.
      for (GroupSupervisor& group : groups_) group.reap(pid, status, usage);
    }
  }

  Endpoints& endpoints_;
  std::list<GroupSupervisor> groups_;
  const std::ptrdiff_t places_ = static_cast<std::ptrdiff_t>(processors());
  bool ending_ = false;
};

// Makes this process the parent of what templates fork, and of all that the processes of the groups
// leave behind when they end.
void adopt_what_templates_fork(const Endpoints& endpoints) {
  const auto& groups = endpoints.groups();
  if (std::any_of(groups.begin(), groups.end(),
                  [](const Group* group) { return group->preload; })) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  }
}

}  // namespace

void run_supervisor(Endpoints& endpoints, Host& host) noexcept {
  try {
    catch_signals(true);
    endpoints.keep_supervisors_ends();
    adopt_what_templates_fork(endpoints);
    Supervisor(endpoints, host).run();
  } catch (const std::exception& error) {
    if (!endpoints.groups().empty()) {
      host.log(*endpoints.groups().front())
          .log(Level::error, std::string("BRINE0618: the supervisor of the daemon groups ended: ") +
                                 error.what());
    }
    ::_exit(1);
  }
}

}  // namespace brine::daemon

#include "daemon/supervisor.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <exception>
#include <list>
#include <string>
#include <vector>

#include "daemon/keeper.hpp"
#include "daemon/signals.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

class Supervisor {
 public:
  Supervisor(Plumbing& plumbing, Host& host) : plumbing_(plumbing) {
    for (std::size_t i = 0; i < plumbing.groups().size(); ++i) {
      keepers_.emplace_back(i, plumbing, host, [this] {
        for (Keeper& keeper : keepers_) keeper.forget();
      });
    }
  }

  [[noreturn]] void run() {
    for (;;) {
      const Nanos now = base::now();
      Nanos next = now + base::kTick;
      for (Keeper& keeper : keepers_) next = std::min(next, keeper.tend(now));
      const bool empty = std::all_of(keepers_.begin(), keepers_.end(),
                                     [](const Keeper& keeper) { return keeper.empty(); });
      if (ending_ && empty) ::_exit(0);
      wait(next);
      for (Keeper& keeper : keepers_) keeper.read_packets();
      handle_signals();
      reap();
    }
  }

 private:
  void wait(Nanos until) {
    std::vector<pollfd> fds = {{signal_fd(), POLLIN, 0},
                               {ending_ ? -1 : plumbing_.generation().get(), POLLIN, 0},
                               {plumbing_.configuration().get(), POLLIN, 0}};
    for (const Keeper& keeper : keepers_) keeper.add_to(fds);
    const Nanos left = std::max<Nanos>(0, until - base::now());
    const timespec time{left / base::kSecond, left % base::kSecond};
    ::ppoll(fds.data(), fds.size(), &time, nullptr);
    if (fds[1].revents != 0) end(Reason::graceful_restart);
    if (fds[2].revents != 0) end_services();
  }

  void handle_signals() {
    while (const int signal = take_signal()) {
      if (signal == SIGTERM || signal == SIGINT) end(Reason::shutdown);
      if (signal == SIGUSR1) {
        for (Keeper& keeper : keepers_) keeper.evict_all();
      }
    }
  }

  void end(Reason reason) {
    ending_ = true;
    for (Keeper& keeper : keepers_) keeper.end(reason, base::now());
  }

  void end_services() {
    plumbing_.configuration().reset();
    for (Keeper& keeper : keepers_) keeper.end_service(base::now());
  }

  void reap() {
    int status = 0;
    rusage usage{};
    for (pid_t pid = 0; (pid = ::wait4(-1, &status, WNOHANG, &usage)) > 0;) {
      for (Keeper& keeper : keepers_) {
        if (keeper.bury(pid, status, usage)) break;
      }
    }
  }

  Plumbing& plumbing_;
  std::list<Keeper> keepers_;
  bool ending_ = false;
};

}  // namespace

void run_supervisor(Plumbing& plumbing, Host& host) noexcept {
  try {
    catch_signals(true);
    plumbing.keep_daemons_ends();
    Supervisor(plumbing, host).run();
  } catch (const std::exception& error) {
    if (!plumbing.groups().empty()) {
      host.log(*plumbing.groups().front())
          .log(Level::error, std::string("BRINE0618: the supervisor of the daemon groups ended: ") +
                                 error.what());
    }
    ::_exit(1);
  }
}

}  // namespace brine::daemon

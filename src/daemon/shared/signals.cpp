#include "daemon/shared/signals.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace brine::daemon {

namespace {

// The state that the signal handler uses, written before the first handler is installed.
int pipe_ends[2] = {-1, -1};
pid_t owner = 0;

extern "C" void pass_on(int signal) {
  const int error = errno;
  if (::getpid() == owner) {
    const auto byte = static_cast<unsigned char>(signal);
    [[maybe_unused]] const ssize_t written = ::write(pipe_ends[1], &byte, 1);
  } else {  // the application has forked this process, without exec
    ::signal(signal, SIG_DFL);
    ::raise(signal);
  }
  errno = error;
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void adopt_signals() {
  if (pipe_ends[0] >= 0) {
    ::close(pipe_ends[0]);
    ::close(pipe_ends[1]);
  }
  if (::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  owner = ::getpid();
}

void catch_signals(bool children) {
  adopt_signals();
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) handle(signal, SIG_DFL);
  }
  handle(SIGPIPE, SIG_IGN);
  // SIGHUP and SIGUSR2 have no meaning here, but programs of the application would inherit SIG_IGN.
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGXCPU, SIGHUP, SIGUSR2}) {
    handle(signal, pass_on);
  }
  if (children) handle(SIGCHLD, pass_on);
  unblock_signals();
}

void unblock_signals() noexcept {
  sigset_t none;
  sigemptyset(&none);
  ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
}

int signal_fd() noexcept { return pipe_ends[0]; }

int take_signal() noexcept {
  unsigned char byte = 0;
  return ::read(pipe_ends[0], &byte, 1) == 1 ? byte : 0;
}

}  // namespace brine::daemon

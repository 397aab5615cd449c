#include "daemon/supervisor/exec_worker.hpp"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace brine::daemon {

namespace {

// The program's own descriptor during exec, which closes it.
constexpr int kProgramFd = kEndOfFds;

// Out of the way of the numbers that are to be taken.
int moved(int fd) { return ::fcntl(fd, F_DUPFD, kProgramFd + 1); }

bool place(const Program& program, std::array<int, kEndOfFds> fds) {
  if (fds[STDIN_FILENO] < 0) fds[STDIN_FILENO] = ::open("/dev/null", O_RDONLY);
  int worker = moved(program.worker);
  for (int& fd : fds) fd = moved(fd);
  bool all = worker >= 0 && ::dup3(worker, kProgramFd, O_CLOEXEC) >= 0;
  for (int number = 0; number < kEndOfFds; ++number) {
    all = all && ::dup2(fds[static_cast<std::size_t>(number)], number) >= 0;
  }
  // From Linux 5.9 on; else the descriptors that are not to be inherited are closed by exec, as all
  // of the supervisor's are.
  ::close_range(kProgramFd + 1, ~0U, 0);
  return all;
}

}  // namespace

void exec_worker(const Program& program, std::array<int, kEndOfFds> fds, int failure) noexcept {
  try {
    std::vector<char*> arguments;
    for (const std::string& argument : program.arguments) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    sigset_t none;
    sigemptyset(&none);
    if (place(program, fds)) {
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::execveat(kProgramFd, "", arguments.data(), environ, AT_EMPTY_PATH);
    }
    ::dprintf(STDERR_FILENO, "brine-worker cannot be executed: %s\n", std::strerror(errno));
  } catch (...) {  // out of memory: the exit status says enough
  }
  ::_exit(failure);
}

}  // namespace brine::daemon

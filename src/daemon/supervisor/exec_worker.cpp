#include "daemon/supervisor/exec_worker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace brine::daemon {

namespace {

// The number that the program's own descriptor has during exec, which closes it.
constexpr int kProgramFd = kEndOfFds;

// Returns a copy of the descriptor above the numbers that are to be taken, or the descriptor itself
// where it already lies there: a supervisor of many groups may have few descriptors left.
int moved(int fd) { return fd < 0 || fd > kProgramFd ? fd : ::fcntl(fd, F_DUPFD, kProgramFd + 1); }

// Puts the descriptors under their numbers. Returns false on failure, with errno set.
bool place(const Program& program, std::array<int, kEndOfFds> fds) {
  if (fds[STDIN_FILENO] < 0) fds[STDIN_FILENO] = ::open("/dev/null", O_RDONLY);
  const int worker = moved(program.worker);
  for (int& fd : fds) {
    if ((fd = moved(fd)) < 0) return false;
  }
  if (::dup3(worker, kProgramFd, O_CLOEXEC) < 0) return false;
  for (int number = 0; number < kEndOfFds; ++number) {
    if (::dup2(fds[static_cast<std::size_t>(number)], number) < 0) return false;
  }
  // close_range() exists from Linux 5.9 on. Without it, exec closes what is not to be inherited,
  // since all of the supervisor's descriptors are close-on-exec.
  ::close_range(kProgramFd + 1, ~0U, 0);
  return true;
}

}  // namespace

void exec_worker(const Program& program, std::array<int, kEndOfFds> fds, int failure) noexcept {
  try {
    std::vector<char*> arguments;
    for (const std::string& argument : program.arguments) {
      arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    if (place(program, fds)) {
      ::execveat(kProgramFd, "", arguments.data(), environ, AT_EMPTY_PATH);
    }
    ::dprintf(STDERR_FILENO, "BRINE0643: brine-worker cannot be executed: %s\n",
              std::strerror(errno));
  } catch (...) {  // Memory has run out: the exit status says enough.
  }
  ::_exit(failure);
}

}  // namespace brine::daemon

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

// The program's own descriptor during exec, which closes it.
constexpr int kProgramFd = kEndOfFds;

// Out of the way of the numbers that are to be taken. Most are already, and a supervisor of many
// groups may have few descriptors left.
int moved(int fd) { return fd < 0 || fd > kProgramFd ? fd : ::fcntl(fd, F_DUPFD, kProgramFd + 1); }

// False: errno says why not.

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
  // From Linux 5.9 on; else the descriptors that are not to be inherited are closed by exec, as all
  // of the supervisor's are.
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
  } catch (...) {  // out of memory: the exit status says enough
  }
  ::_exit(failure);
}

}  // namespace brine::daemon

#include "daemon/private_fd.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>
#include <vector>

namespace brine::daemon {

namespace {

// What the handlers of a fork can reach.
std::mutex mutex;  // held while a process is forked
// Guarded by mutex. Never destroyed: threads use it to the last.
auto& list = *new std::vector<int>;
int plug = -1;        // written before the first fork of the application
bool forked = false;  // in the forked process alone

extern "C" void begin_fork() { mutex.lock(); }
extern "C" void end_fork() { mutex.unlock(); }

// Other threads may have been anywhere: only what a signal handler may do. The numbers stay taken,
// so that nothing is written to what the application opens.
extern "C" void leave_behind() {
  for (const int fd : list) {
    if (::dup3(plug, fd, O_CLOEXEC) < 0) ::close(fd);
  }
  list.clear();  // from here on the application may close them and get the numbers
  forked = true;
  mutex.unlock();
}

}  // namespace

void guard_forks() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  ::close(ends[1]);
  plug = ends[0];
  const int error = ::pthread_atfork(begin_fork, end_fork, leave_behind);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_atfork");
}

void end_if_forked() noexcept {
  if (forked) ::_exit(0);
}

std::mutex& PrivateFd::no_fork() noexcept { return mutex; }

// Without memory it is closed: as if there had been no descriptor left for it.
void PrivateFd::enlist() noexcept {
  try {
    if (fd_) list.push_back(fd_.get());
  } catch (const std::bad_alloc&) {
    fd_.reset();
  }
}

PrivateFd::~PrivateFd() {
  if (!fd_) return;
  const std::lock_guard lock(mutex);
  std::erase(list, fd_.get());
  fd_.reset();
}

}  // namespace brine::daemon

#include "daemon/shared/private_fd.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <new>
#include <system_error>
#include <vector>

namespace brine::daemon {

namespace {

// The state that the handlers of fork() use.
std::mutex mutex;  // held while a process is forked
// Guarded by mutex. Never destroyed, since threads use it to the last.
auto& list = *new std::vector<int>;
int plug = -1;        // written before the first fork of the application
bool forked = false;  // set in the forked process alone
bool (*also_private)(int fd) noexcept = nullptr;

void replace(int fd) {
  if (::dup3(plug, fd, O_CLOEXEC) < 0) ::close(fd);
}

void replace_others_up_to(int end) {
  for (int fd = 0; fd < end; ++fd) {
    if (also_private(fd)) replace(fd);
  }
}

// Returns one more than the highest open descriptor. readdir() is not used: it allocates memory,
// whose lock another thread may have held at the fork.
int end_of_descriptors() {
  struct Entry {  // as getdents64(2) writes it
    std::uint64_t inode;
    std::int64_t offset;
    unsigned short size;
    unsigned char type;
    char name[1];
  };
  const int folder = ::open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return static_cast<int>(::sysconf(_SC_OPEN_MAX));
  int end = 0;
  alignas(Entry) char buffer[4096];
  long size = 0;
  while ((size = ::syscall(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0) {
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const Entry*>(buffer + at);
      int number = 0;
      for (const char* digit = entry->name; *digit >= '0' && *digit <= '9'; ++digit) {
        number = number * 10 + (*digit - '0');
      }
      end = std::max(end, number + 1);
      at += entry->size;
    }
  }
  ::close(folder);
  return end;
}

extern "C" void begin_fork() { mutex.lock(); }
extern "C" void end_fork() { mutex.unlock(); }

// Replaces the private descriptors in the forked process. Only async-signal-safe functions are
// called, since other threads may have held any lock. The numbers stay taken, so that what is
// written to them does not reach files that the application opens.
extern "C" void leave_behind() {
  for (const int fd : list) replace(fd);
  list.clear();  // from now on the application may close them and reuse the numbers
  if (also_private != nullptr) replace_others_up_to(end_of_descriptors());
  also_private = nullptr;
  forked = true;
  mutex.unlock();
}

}  // namespace

void guard_forks(bool (*is_private)(int fd) noexcept) {
  also_private = is_private;
  forked = false;  // a process that httpd has forked on purpose inherits this
  if (plug >= 0) return;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::generic_category(), "pipe2");
  }
  ::close(ends[1]);
  plug = ends[0];
  const int error = ::pthread_atfork(begin_fork, end_fork, leave_behind);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_atfork");
}

void hide_from_forks(int fd) {
  const std::lock_guard lock(mutex);
  list.push_back(fd);
}

void end_if_forked() noexcept {
  if (forked) ::_exit(0);
}

std::mutex& PrivateFd::no_fork() noexcept { return mutex; }

// Closes the descriptor if memory has run out, as if none had been left for it.
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

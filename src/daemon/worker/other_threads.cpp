#include "daemon/worker/other_threads.hpp"

#include <dirent.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <memory>
#include <string>
#include <thread>

#include "base/blocked_signals.hpp"
#include "base/clock.hpp"
#include "base/quotes.hpp"

namespace brine::daemon {

namespace {

// A thread that has been joined may still end for so long.
constexpr base::Nanos kEndingThread = base::kSecond;
constexpr auto kBetweenLooks = std::chrono::milliseconds(5);

// The number of threads that are named; a library that computes may have one for each processor.
constexpr std::size_t kMostNamed = 8;

struct CloseFolder {
  void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

std::string name_of(const std::string& task) {
  std::ifstream file(task + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

// Asks the kernel by a call that changes nothing in a process with one thread, and is invalid in
// any other. Where a filter of system calls refuses it (a container's may), there may be threads: a
// fork that loses them hangs, and a group does without preload.
std::string threads_without_proc() {
  if (::unshare(CLONE_THREAD) == 0) return {};
  if (errno == EINVAL) return "of unknown names, since there is no /proc";
  return "perhaps some, since there is no /proc, and unshare(2) is refused";
}

// Has the handlers of pthread_atfork() run.
void try_to_fork() noexcept {
  const base::BlockedSignals blocked;
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(0);
  while (pid > 0 && ::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::string other_threads(const char* tasks) {
  const std::unique_ptr<DIR, CloseFolder> folder(::opendir(tasks));
  if (!folder) return threads_without_proc();
  const std::string own = std::to_string(::gettid());
  std::string named;
  std::size_t count = 0;
  while (const dirent* const entry = ::readdir(folder.get())) {
    const std::string id = entry->d_name;
    if (id.front() == '.' || id == own) continue;
    if (++count > kMostNamed) continue;
    if (!named.empty()) named += ", ";
    named += id + " (" + base::in_quotes(name_of(std::string(tasks) + "/" + id)) + ")";
  }
  if (count > kMostNamed) named += " and " + std::to_string(count - kMostNamed) + " more";
  return named;
}

std::string threads_in_the_way() {
  if (other_threads().empty()) return {};
  try_to_fork();
  const base::Nanos end = base::now() + kEndingThread;
  for (;;) {
    std::string others = other_threads();
    if (others.empty() || base::now() >= end) return others;
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

}  // namespace brine::daemon

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

// Returns true if the kernel says that this process has several threads: this call changes nothing
// in a process with one, and is refused in any other.
bool has_several() noexcept { return ::unshare(CLONE_THREAD) != 0 && errno == EINVAL; }

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
  if (!folder) return has_several() ? "of unknown names, since there is no /proc" : "";
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

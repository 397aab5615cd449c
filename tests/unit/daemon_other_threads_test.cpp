// Which threads a forked process would lack, with threads of the test's own.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "daemon/worker/other_threads.hpp"

namespace brine::daemon {
namespace {

// A thread with a name that waits until it is told to end.
class Waiting {
 public:
  explicit Waiting(const char* name) {
    std::promise<pid_t> started;
    std::future<pid_t> id = started.get_future();
    thread_ = std::thread([this, name, started = std::move(started)]() mutable {
      ::pthread_setname_np(::pthread_self(), name);
      started.set_value(::gettid());
      end_.get_future().wait();
    });
    id_ = id.get();
  }
  ~Waiting() { end(); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  void end() {
    if (!thread_.joinable()) return;
    end_.set_value();
    thread_.join();
  }
  std::string shown(const std::string& name) const {
    return std::to_string(id_) + " ('" + name + "')";
  }

 private:
  std::promise<void> end_;
  std::thread thread_;
  pid_t id_ = 0;
};

// A sanitizer may have threads of its own.
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::atomic<Waiting*> ended_by_a_fork = nullptr;

extern "C" void end_before_fork() {
  if (Waiting* const one = ended_by_a_fork.exchange(nullptr)) one->end();
}

TEST(OtherThreads, AreNamed) {
  const Waiting one("a \"pool\"");
  EXPECT_TRUE(has(other_threads(), one.shown("a \"pool\""))) << other_threads();
  EXPECT_TRUE(has(threads_in_the_way(), one.shown("a \"pool\"")));
}

TEST(OtherThreads, AreCountedWhereThereAreMany) {
  std::vector<Waiting*> all;
  for (int i = 0; i < 10; ++i) all.push_back(new Waiting("many"));
  const std::string named = other_threads();
  for (const Waiting* one : all) delete one;
  EXPECT_TRUE(has(named, "('many') and ")) << named;
  EXPECT_EQ(std::count(named.begin(), named.end(), ','), 7) << named;
}

TEST(OtherThreads, AreFoundWithoutProc) {
  EXPECT_EQ(other_threads("/nowhere").empty(), other_threads().empty());
  const Waiting one("unseen");
  EXPECT_TRUE(has(other_threads("/nowhere"), "no /proc"));
}

// Has unshare(2) fail with EPERM, as a container's filter does. Returns false where that cannot be.
bool forbid_unshare() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program = {sizeof filter / sizeof *filter, filter};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST(OtherThreads, MayBeThereWhereTheKernelMayNotBeAsked) {
  constexpr int kUnheard = 77;
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (!forbid_unshare()) ::_exit(kUnheard);
    ::_exit(has(other_threads("/nowhere"), "unshare(2) is refused") ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == kUnheard) GTEST_SKIP() << "no filter can be set";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(OtherThreads, ThatAForkEndsAreNotInTheWay) {
  ASSERT_EQ(::pthread_atfork(end_before_fork, nullptr, nullptr), 0);
  Waiting one("ends");
  const Waiting stays("stays");
  const std::string ends = one.shown("ends");
  ended_by_a_fork = &one;
  const std::string left = threads_in_the_way();
  EXPECT_TRUE(has(left, stays.shown("stays")) && !has(left, ends)) << left;
}

}  // namespace
}  // namespace brine::daemon

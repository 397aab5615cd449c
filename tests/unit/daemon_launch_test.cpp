// What a daemon process begins with, shown by a program that is everywhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/shared/handover.hpp"
#include "daemon/supervisor/host.hpp"
#include "daemon/supervisor/launch.hpp"
#include "daemon/supervisor/process.hpp"

namespace brine::daemon {
namespace {

// Takes the lowest descriptors, as a supervisor of several groups has them.
std::vector<base::UniqueFd> take_descriptors(int up_to) {
  std::vector<base::UniqueFd> taken;
  do {
    taken.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  } while (taken.back().get() < up_to);
  return taken;
}

struct Ran {
  std::string output;
  int status = -1;
};

// Launches a shell that runs this.
Ran run(const std::string& script) {
  const base::UniqueFd shell(::open("/bin/sh", O_RDONLY | O_CLOEXEC));
  std::array<int, 2> pipe{};
  EXPECT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(pipe[0]);
  base::UniqueFd writer(pipe[1]);
  Program program;
  program.worker = shell.get();
  program.engine = shell.get();
  program.arguments = {"sh", "-c", script};
  Process process;
  launch(process, make_channels(process), {program, Handover(), writer.get(), shell.get()});
  writer.reset();
  Ran ran;
  std::array<char, 4096> bytes{};
  for (ssize_t size = 0; (size = ::read(reader.get(), bytes.data(), bytes.size())) > 0;) {
    ran.output.append(bytes.data(), static_cast<std::size_t>(size));
  }
  EXPECT_EQ(::waitpid(process.pid, &ran.status, 0), process.pid);
  return ran;
}

std::uint64_t bit(int signal) { return std::uint64_t{1} << (signal - 1); }

TEST(Launch, NoSignalEndsAProcessThatDoesNotCatchItYet) {
  const Ran ran =
      run("while read name mask; do [ $name = SigBlk: ] && echo $mask; done "
          "</proc/self/status");
  const std::uint64_t blocked = std::stoull("0" + ran.output, nullptr, 16);
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1, SIGUSR2, SIGHUP, SIGXCPU}) {
    EXPECT_NE(blocked & bit(signal), 0U) << signal;
  }
  sigset_t mask;
  ::sigprocmask(SIG_SETMASK, nullptr, &mask);
  EXPECT_EQ(sigismember(&mask, SIGTERM), 0) << "the supervisor's own";
}

TEST(Launch, ItHasNoDescriptorsButThoseOfTheHandover) {
  const auto taken = take_descriptors(40);
  EXPECT_EQ(run("ls /proc/$$/fd; true").output, "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
}

TEST(Launch, ASupervisorMayHaveFewDescriptorsLeft) {
  const auto taken = take_descriptors(40);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  // Its own end and the process's of three channels, the crash report, the handover, the shell, the
  // output's two ends, and one for /dev/null.
  const rlimit few{41 + 12, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
  const Ran ran = run("echo here");
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(ran.output, "here\n");
}

TEST(Launch, AProgramThatCannotBeExecutedSaysWhy) {
  const base::UniqueFd text(::open("/etc/passwd", O_RDONLY | O_CLOEXEC));
  Program program;
  program.worker = text.get();
  program.engine = text.get();
  program.arguments = {"brine-worker"};
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  const base::UniqueFd reader(pipe[0]);
  const base::UniqueFd writer(pipe[1]);
  Process process;
  launch(process, make_channels(process), {program, Handover(), writer.get(), text.get()});
  int status = 0;
  ASSERT_EQ(::waitpid(process.pid, &status, 0), process.pid);
  EXPECT_EQ(WEXITSTATUS(status), kExitCannotStart);
  std::array<char, 256> bytes{};
  const ssize_t size = ::read(reader.get(), bytes.data(), bytes.size());
  EXPECT_EQ(std::string(bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0),
            "BRINE0643: brine-worker cannot be executed: Permission denied\n");
}

}  // namespace
}  // namespace brine::daemon

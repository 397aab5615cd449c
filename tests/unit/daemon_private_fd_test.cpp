// What a forked process finds in the place of a PrivateFd.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>
#include <utility>

#include "daemon/shared/private_fd.hpp"

namespace brine::daemon {
namespace {

// Two ends of a socket pair.
struct Ends {
  Ends() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    own = base::UniqueFd(ends[0]);
    other = base::UniqueFd(ends[1]);
  }
  base::UniqueFd own;
  base::UniqueFd other;
};

bool holds_in_child(bool (*holds)(int fd), int fd) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(holds(fd) ? 0 : 1);
  int status = 0;
  ::waitpid(pid, &status, 0);
  return status == 0;
}

bool is_plugged(int fd) {
  char byte = 0;
  return ::write(fd, "x", 1) < 0 && errno == EBADF && ::read(fd, &byte, 1) == 0;
}

class PrivateFds : public testing::Test {
 protected:
  static void SetUpTestSuite() { guard_forks(); }
};

TEST_F(PrivateFds, AreNotThereInAForkedProcess) {
  Ends ends;
  const PrivateFd fd(std::move(ends.own));
  EXPECT_TRUE(holds_in_child(is_plugged, fd.get()));
  EXPECT_FALSE(holds_in_child(is_plugged, ends.other.get()));
  EXPECT_EQ(::write(fd.get(), "x", 1), 1) << "the process itself has it";
}

TEST_F(PrivateFds, AreKnownNoLongerThanTheyLive) {
  Ends ends;
  int number = -1;
  {
    const PrivateFd fd([&] { return std::move(ends.own); });
    PrivateFd first(base::UniqueFd(::dup(ends.other.get())));
    const PrivateFd moved(std::move(first));
    number = fd.get();
  }
  const base::UniqueFd file(::fcntl(ends.other.get(), F_DUPFD, number));
  ASSERT_EQ(file.get(), number);
  EXPECT_FALSE(holds_in_child(is_plugged, number));
}

TEST_F(PrivateFds, LeaveTheirNumbersToTheForkedProcess) {
  Ends ends;
  const PrivateFd fd(std::move(ends.own));
  EXPECT_TRUE(holds_in_child(
      [](int number) {
        const base::UniqueFd file(::open("/dev/zero", O_RDWR));
        ::dup2(file.get(), number);
        return !holds_in_child(is_plugged, number);
      },
      fd.get()));
}

}  // namespace
}  // namespace brine::daemon

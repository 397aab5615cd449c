// The order to a template to fork a process, and the first packet of a process that it has forked.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/shared/channel.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/fork_order.hpp"

namespace brine::daemon {
namespace {

base::UniqueFd open_null() { return base::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

OrderedFds all(int fd) {
  OrderedFds fds{};
  fds.fill(fd);
  return fds;
}

TEST(ForkOrder, CarriesAllDescriptors) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  const base::UniqueFd null = open_null();
  ASSERT_TRUE(send_order(supervisor.get(), all(null.get())));
  bool closed = true;
  const auto order = take_order(process.get(), closed);
  ASSERT_TRUE(order);
  EXPECT_FALSE(closed);
  struct stat sent = {};
  ASSERT_EQ(::fstat(null.get(), &sent), 0);
  for (const base::UniqueFd& fd : *order) {
    struct stat taken = {};
    ASSERT_EQ(::fstat(fd.get(), &taken), 0);
    EXPECT_EQ(taken.st_rdev, sent.st_rdev);
    EXPECT_EQ(::fcntl(fd.get(), F_GETFD), FD_CLOEXEC);
  }
}

TEST(ForkOrder, NothingIsTakenBeforeItComes) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  bool closed = true;
  EXPECT_FALSE(take_order(process.get(), closed));
  EXPECT_FALSE(closed);
}

TEST(ForkOrder, TheEndOfTheSupervisorIsSeen) {
  auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  supervisor.reset();
  bool closed = false;
  EXPECT_FALSE(take_order(process.get(), closed));
  EXPECT_TRUE(closed);
}

TEST(ForkOrder, AnotherPacketIsNone) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  ASSERT_TRUE(send_packet(supervisor.get(), {Message::stop, 0, {}}));
  bool closed = false;
  EXPECT_FALSE(take_order(process.get(), closed));
  EXPECT_TRUE(closed);
}

TEST(ForkOrder, TheKernelSaysWhoSends) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  ask_for_senders(supervisor.get());
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    ::_exit(send_packet(process.get(), {Message::forked, 0, {}}) ? 0 : 1);
  }
  int status = 1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  bool closed = true;
  const auto sender = take_sender(supervisor.get(), closed);
  ASSERT_TRUE(sender);
  EXPECT_FALSE(closed);
  EXPECT_EQ(sender->pid, child);
  EXPECT_EQ(sender->user, ::getuid());
}

TEST(ForkOrder, WhoSaysSomethingElseFirstIsNobody) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  ask_for_senders(supervisor.get());
  ASSERT_TRUE(send_packet(process.get(), {Message::ready, 1, {}}));
  bool closed = false;
  EXPECT_FALSE(take_sender(supervisor.get(), closed));
  EXPECT_TRUE(closed);
}

TEST(ForkOrder, AFirstPacketWithADescriptorIsNone) {
  const auto [supervisor, process] = socket_pair(SOCK_SEQPACKET);
  ask_for_senders(supervisor.get());
  const base::UniqueFd null = open_null();
  ASSERT_TRUE(send_order(process.get(), all(null.get())));
  bool closed = false;
  EXPECT_FALSE(take_sender(supervisor.get(), closed));
  EXPECT_TRUE(closed);
}

}  // namespace
}  // namespace brine::daemon

// How long connections wait in httpd's processes, and when they are closed.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "daemon/client/connection_pool.hpp"

namespace brine::daemon {
namespace {

// Connections whose other ends the test holds.
class Ends {
 public:
  std::unique_ptr<Connection> connect(std::uint32_t incarnation = 1) {
    auto [own, other] = socket_pair(SOCK_STREAM);
    others_.push_back(std::move(other));
    return std::make_unique<Connection>(std::move(own), incarnation);
  }
  bool is_open(std::size_t index) const {
    char byte = 0;
    return ::recv(others_[index].get(), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0;
  }

 private:
  std::vector<base::UniqueFd> others_;
};

TEST(ConnectionPool, ClosesThoseThatHaveWaitedTooLongAndNoOthers) {
  Ends ends;
  ConnectionPool pool;
  for (const base::Nanos since : {10, 20, 30}) pool.put(ends.connect(), since);
  EXPECT_EQ(pool.close_idle(9), 3U);
  EXPECT_EQ(pool.close_idle(20), 1U);
  EXPECT_FALSE(ends.is_open(0) || ends.is_open(1));
  EXPECT_TRUE(ends.is_open(2));
  EXPECT_EQ(pool.try_close_idle(30), 0U);
  EXPECT_FALSE(ends.is_open(2));
  EXPECT_EQ(pool.take(1), nullptr);
}

TEST(ConnectionPool, AConnectionThatIsUsedBeginsItsWaitAnew) {
  Ends ends;
  ConnectionPool pool;
  pool.put(ends.connect(), 10);
  pool.put(ends.connect(), 20);
  for (const base::Nanos now : {30, 40, 50}) pool.put(pool.take(1), now);
  EXPECT_EQ(pool.close_idle(45), 1U) << "the one that was used last is used again";
  EXPECT_FALSE(ends.is_open(0));
  EXPECT_TRUE(ends.is_open(1));
}

TEST(ConnectionPool, AConnectionToAProcessThatHasGoneIsClosedToo) {
  Ends ends;
  ConnectionPool pool;
  pool.put(ends.connect(1), 10);
  pool.put(ends.connect(2), 20);
  EXPECT_NE(pool.take(2), nullptr);
  EXPECT_TRUE(ends.is_open(0)) << "nobody has asked for it";
  EXPECT_EQ(pool.close_idle(10), 0U);
  EXPECT_FALSE(ends.is_open(0));
}

TEST(ConnectionPool, AThreadClosesThemWhereNobodyElseDoes) {
  Ends ends;
  ConnectionPool pool;
  pool.put(ends.connect(), base::now() - kMostIdleTime);
  const base::Nanos deadline = base::now() + 60 * base::kSecond;
  while (ends.is_open(0) && base::now() < deadline) ::usleep(10000);
  EXPECT_FALSE(ends.is_open(0));
}

TEST(FewDescriptors, AreAQuarterOfTheLimit) {
  struct Case {
    int newest;
    std::uint64_t most;
    bool few;
  };
  constexpr Case kCases[] = {
      {3, 1024, false},  {767, 1024, false},
      {768, 1024, true}, {1023, 1024, true},
      {3, 4, true},      {1 << 20, std::numeric_limits<std::uint64_t>::max(), false},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(few_descriptors_are_left(c.newest, c.most), c.few) << c.newest << " of " << c.most;
  }
}

}  // namespace
}  // namespace brine::daemon

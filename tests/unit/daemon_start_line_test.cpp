// Which groups start a process next: pure.
#include <gtest/gtest.h>

#include <cstddef>
#include <vector>

#include "daemon/supervisor/start_line.hpp"

namespace brine::daemon {
namespace {

using base::kSecond;
using Groups = std::vector<std::size_t>;

TEST(NextStarts, AreNoMoreThanThereArePlaces) {
  const std::vector<Claim> claims = {{.group = 0, .missing = 5}, {.group = 1, .missing = 5}};
  EXPECT_EQ(next_starts(claims, 2).size(), 2U);
  EXPECT_EQ(next_starts(claims, 0), Groups());
  EXPECT_EQ(next_starts(claims, -1), Groups()) << "some hold no place any longer";
  EXPECT_EQ(next_starts(claims, 99).size(), 10U);
  EXPECT_EQ(next_starts({}, 2), Groups());
}

TEST(NextStarts, GiveGroupsForWhichRequestsWaitTheFirstPlaces) {
  const std::vector<Claim> claims = {{.group = 0, .missing = 1, .since = 1 * kSecond},
                                     {.group = 1, .missing = 1, .awaited = true, .since = 9},
                                     {.group = 2, .missing = 1, .since = 2 * kSecond}};
  EXPECT_EQ(next_starts(claims, 3), Groups({1, 0, 2}));
}

TEST(NextStarts, GiveEachGroupAFirstProcessBeforeASecondOne) {
  const std::vector<Claim> claims = {
      {.group = 0, .missing = 3, .awaited = true, .since = 1},
      {.group = 1, .missing = 3, .awaited = true, .since = 2},
      {.group = 2, .missing = 1, .awaited = true, .served = true, .since = 0}};
  EXPECT_EQ(next_starts(claims, 4), Groups({0, 1, 2, 0}));
}

TEST(NextStarts, FollowTheTimeThatGroupsHaveWaited) {
  const std::vector<Claim> claims = {{.group = 0, .missing = 1, .since = 7},
                                     {.group = 1, .missing = 1, .since = 5},
                                     {.group = 2, .missing = 0, .since = 1}};
  EXPECT_EQ(next_starts(claims, 3), Groups({1, 0}));
}

}  // namespace
}  // namespace brine::daemon

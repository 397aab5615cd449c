// At which numbers each process of a group is replaced: pure, with the seeds of the test's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <vector>

#include "daemon/supervisor/recycling.hpp"

namespace brine::daemon {
namespace {

constexpr std::uint64_t kSeeds = 200;

Limits requests(std::uint64_t most, std::uint64_t jitter) {
  Limits limits;
  limits.maximum_requests = most;
  limits.maximum_requests_jitter = jitter;
  return limits;
}

TEST(Recycling, IsExactWithoutJitter) {
  Limits limits = requests(1, 0);
  limits.memory_recycle = 300;
  for (std::uint64_t number = 0; number < 8; ++number) {
    const RecycleLimits own = recycle_limits(limits, number, 4, number);
    EXPECT_EQ(own.maximum_requests, 1U);
    EXPECT_EQ(own.memory_recycle, 300U);
  }
}

TEST(Recycling, IsNeverWithoutTheLimit) {
  const RecycleLimits own = recycle_limits(requests(0, 0), 3, 4, 5);
  EXPECT_EQ(own.maximum_requests, 0U);
  EXPECT_EQ(own.memory_recycle, 0U);
}

TEST(Recycling, StaysBetweenTheLimitAndItsJitter) {
  struct Row {
    std::uint64_t jitter;
    std::size_t processes;
    std::uint64_t number, least, most;
  };
  const std::vector<Row> table = {
      {400, 4, 0, 1000, 1050}, {400, 4, 1, 1100, 1150},
      {400, 4, 3, 1300, 1350}, {400, 4, 4, 1000, 1050},  // in the place of the first
      {400, 1, 7, 1000, 1200}, {1, 1, 0, 1000, 1000},
      {5, 4, 3, 1003, 1003},   {3, 4, 3, 1000, 1003}};
  for (const Row& row : table) {
    std::set<std::uint64_t> seen;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      seen.insert(recycle_limits(requests(1000, row.jitter), row.number, row.processes, seed)
                      .maximum_requests);
    }
    EXPECT_GE(*seen.begin(), row.least) << row.jitter << " x " << row.processes;
    EXPECT_LE(*seen.rbegin(), row.most) << row.jitter << " x " << row.processes;
    EXPECT_GE(seen.size(), std::min<std::uint64_t>(row.most - row.least + 1, kSeeds / 10));
  }
}

TEST(Recycling, KeepsAnyTwoProcessesApart) {
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    std::set<std::uint64_t> limits;
    for (std::uint64_t number = 5; number < 13; ++number) {
      limits.insert(recycle_limits(requests(1000, 800), number, 8, seed + number).maximum_requests);
    }
    ASSERT_EQ(limits.size(), 8U);
    std::uint64_t before = 0;
    for (const std::uint64_t limit : limits) {
      EXPECT_GE(limit - before, 50U) << seed;
      before = limit;
    }
  }
}

TEST(Recycling, OfTimeIsSpreadLikewise) {
  Limits limits;
  limits.restart_interval = std::chrono::hours(24);
  EXPECT_EQ(recycle_limits(limits, 3, 4, 5).restart_interval, limits.restart_interval);
  limits.restart_interval_jitter = std::chrono::hours(4);
  for (std::uint64_t number = 0; number < 8; ++number) {
    const Duration own = recycle_limits(limits, number, 4, number).restart_interval;
    const Duration least = limits.restart_interval + std::chrono::hours(number % 4);
    EXPECT_GE(own, least);
    EXPECT_LE(own, least + std::chrono::minutes(30));
  }
}

TEST(Recycling, OfMemoryEndsWithTheLargestNumber) {
  Limits limits;
  limits.memory_recycle = std::numeric_limits<std::uint64_t>::max() - 10;
  limits.memory_recycle_jitter = 1U << 20U;
  for (std::uint64_t number = 0; number < 4; ++number) {
    EXPECT_GE(recycle_limits(limits, number, 4, 1).memory_recycle, limits.memory_recycle);
  }
}

}  // namespace
}  // namespace brine::daemon

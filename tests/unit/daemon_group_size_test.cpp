// How many processes a group with processes=MIN-MAX has: pure, with a clock of the test's own.
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "daemon/supervisor/group_size.hpp"

namespace brine::daemon {
namespace {

using base::kMillisecond;
using base::kSecond;
using base::Nanos;

constexpr Nanos kNow = 1000 * kSecond;
constexpr Nanos kIdle = 60 * kSecond;

Group group_of(int least, int most, int threads = 5) {
  Group group;
  group.least_processes = least;
  group.processes = most;
  group.threads = threads;
  return group;
}

// `requests` in so many processes with five threads each, as evenly as they go.
Load load_of(std::ptrdiff_t processes, std::uint64_t requests, bool settled = true) {
  const std::uint64_t threads = static_cast<std::uint64_t>(processes) * 5;
  const bool full = requests > threads;
  return {processes, full ? threads : requests, full ? requests - threads : 0, settled};
}

// Gives the size the same load every 25 ms until it changes or `time` is over. Returns when.
Nanos until_change(GroupSize& size, std::uint64_t requests, Nanos from, Nanos time) {
  const std::ptrdiff_t before = size.wanted();
  Nanos now = from;
  for (; now <= from + time && size.wanted() == before; now += 25 * kMillisecond) {
    size.decide(load_of(before, requests), now);
  }
  return now - 25 * kMillisecond;
}

TEST(GroupSize, OfAFixedGroupNeverChanges) {
  GroupSize size(group_of(3, 3), 0, kNow);
  EXPECT_FALSE(size.varies());
  EXPECT_EQ(size.wanted(), 3);
  until_change(size, 1000, kNow, kSecond);
  EXPECT_EQ(size.wanted(), 3);
  EXPECT_EQ(size.next_look(kNow + kSecond), 0);
}

TEST(GroupSize, BeginsWithTheLeast) {
  EXPECT_EQ(GroupSize(group_of(2, 8), 0, kNow).wanted(), 2);
  EXPECT_EQ(GroupSize(group_of(2, 8), 5, kNow).wanted(), 5) << "as before a graceful restart";
  EXPECT_EQ(GroupSize(group_of(2, 8), 9, kNow).wanted(), 8) << "another configuration";
  EXPECT_EQ(GroupSize(group_of(2, 8), 1, kNow).wanted(), 2);
}

TEST(GroupSize, GrowsWhenAllThreadsAreTakenAndRequestsWait) {
  struct Row {
    std::ptrdiff_t processes;
    std::uint64_t busy, waiting;
    bool settled;
    std::ptrdiff_t wanted;
  };
  for (const Row& row :
       std::initializer_list<Row>{{2, 10, 1, true, 3},
                                  {2, 10, 100, true, 3},
                                  {2, 10, 0, true, 2},   // nobody waits
                                  {2, 9, 3, true, 2},    // a thread is free, and a line moves there
                                  {2, 10, 1, false, 2},  // one is starting
                                  {0, 0, 0, true, 2},
                                  {1, 5, 5, false, 2}}) {
    GroupSize size(group_of(2, 8), 0, kNow);
    const Load load{row.processes, row.busy, row.waiting, row.settled};
    size.decide(load, kNow);
    size.decide(load, kNow + 99 * kMillisecond);
    EXPECT_EQ(size.wanted(), 2) << "not yet";
    size.decide(load, kNow + 100 * kMillisecond);
    EXPECT_EQ(size.wanted(), row.wanted) << row.processes << ' ' << row.busy << ' ' << row.waiting;
  }
}

TEST(GroupSize, DoesNotGrowForAMoment) {
  GroupSize size(group_of(1, 8), 0, kNow);
  Nanos now = kNow;
  for (int i = 0; i < 20; ++i) {
    size.decide(load_of(1, 20), now);
    size.decide(load_of(1, 20), now += 90 * kMillisecond);
    size.decide(load_of(1, 4), now += 5 * kMillisecond);
    now += kMillisecond;
  }
  EXPECT_EQ(size.wanted(), 1);
}

TEST(GroupSize, DoublesItsStepsUpToTheMost) {
  GroupSize size(group_of(1, 12), 0, kNow);
  std::vector<std::ptrdiff_t> sizes;
  Nanos now = kNow;
  while (size.wanted() < 12) {
    now = until_change(size, 1000, now, kSecond);
    sizes.push_back(size.wanted());
    size.decide(load_of(sizes.back() - 1, 1000, false), now += 2 * kSecond);  // it starts
  }
  EXPECT_EQ(sizes, (std::vector<std::ptrdiff_t>{2, 4, 8, 12}));
  until_change(size, 1000, now, kSecond);
  EXPECT_EQ(size.wanted(), 12);
}

TEST(GroupSize, GrowsByOneAgainAfterAWhile) {
  GroupSize size(group_of(1, 12), 0, kNow);
  Nanos now = until_change(size, 1000, kNow, kSecond);
  now = until_change(size, 1000, now + GroupSize::kRush, kSecond);
  EXPECT_EQ(size.wanted(), 3);
}

TEST(GroupSize, GrowsByOneAfterAProcessWasReplacedLongAfterTheLastGrowth) {
  GroupSize size(group_of(1, 12), 0, kNow);
  Nanos now = until_change(size, 1000, kNow, kSecond);
  size.decide(load_of(2, 0), now += GroupSize::kRush + kSecond);
  size.decide(load_of(1, 0, false), now += kSecond);  // one has ended, and another starts
  until_change(size, 1000, now, kSecond);
  EXPECT_EQ(size.wanted(), 3);
}

TEST(GroupSize, LooksLessOftenWhereItCannotGrowYet) {
  GroupSize size(group_of(1, 8), 0, kNow);
  size.decide(load_of(1, 20, false), kNow);
  EXPECT_EQ(size.next_look(kNow), 0) << "what starts, or cannot, is an event";
  size.decide(load_of(1, 20), kNow);
  EXPECT_EQ(size.next_look(kNow), kNow + GroupSize::kLook);
}

TEST(GroupSize, GrowsByNoMoreThanTheWaitingNeed) {
  GroupSize size(group_of(1, 12), 0, kNow);
  Nanos now = until_change(size, 1000, kNow, kSecond);
  now = until_change(size, 12, now, kSecond);
  EXPECT_EQ(size.wanted(), 3) << "two requests wait, for which one process will do";
}

TEST(GroupSize, ShrinksWhenFewerWereEnoughForAllTheTime) {
  struct Row {
    std::uint64_t requests;
    std::ptrdiff_t wanted;
  };
  for (const Row& row :
       std::initializer_list<Row>{{0, 2}, {10, 2}, {11, 3}, {15, 3}, {16, 4}, {40, 8}}) {
    GroupSize size(group_of(2, 8), 8, kNow);
    for (Nanos now = kNow; now <= kNow + 2 * kIdle; now += kSecond) {
      size.decide(load_of(size.wanted(), row.requests), now);
      if (now < kNow + kIdle) {
        EXPECT_EQ(size.wanted(), 8);
      }
    }
    EXPECT_EQ(size.wanted(), row.wanted) << row.requests;
  }
}

TEST(GroupSize, ShrinksByOneAtATime) {
  GroupSize size(group_of(2, 8), 8, kNow);
  const Nanos now = size.next_look(kNow);
  EXPECT_EQ(now, kNow + kIdle);
  size.decide(load_of(8, 0), now);
  EXPECT_EQ(size.wanted(), 7);
  size.decide(load_of(7, 0), now);
  EXPECT_EQ(size.wanted(), 7);
  EXPECT_EQ(size.next_look(now), now + GroupSize::kBetweenLeaves);
  size.decide(load_of(7, 0), size.next_look(now));
  EXPECT_EQ(size.wanted(), 6);
}

TEST(GroupSize, StaysWhileALoadComesAndGoes) {
  GroupSize size(group_of(1, 8), 0, kNow);
  Nanos now = kNow;
  std::ptrdiff_t changes = 0;
  std::ptrdiff_t before = size.wanted();
  for (int i = 0; i < 200; ++i) {  // 20 requests of a second, each ten seconds
    for (Nanos end = now + kSecond; now < end; now += 25 * kMillisecond) {
      size.decide(load_of(size.wanted(), 20), now);
      if (size.wanted() != before) ++changes;
      before = size.wanted();
    }
    for (Nanos end = now + 9 * kSecond; now < end; now += kSecond) {
      size.decide(load_of(size.wanted(), 0), now);
      if (size.wanted() != before) ++changes;
      before = size.wanted();
    }
  }
  EXPECT_EQ(size.wanted(), 4);
  EXPECT_LE(changes, 3) << "it has grown, and nothing else";
}

TEST(GroupSize, NeverShrinksWithoutAnIdleTime) {
  Group group = group_of(1, 4);
  group.limits.processes_idle = std::chrono::milliseconds(0);
  GroupSize size(group, 4, kNow);
  size.decide(load_of(4, 0), kNow + 1000 * kIdle);
  EXPECT_EQ(size.wanted(), 4);
  EXPECT_EQ(size.next_look(kNow), 0);
}

TEST(GroupSize, IsLookedAtOftenWhileRequestsWait) {
  GroupSize size(group_of(1, 4), 0, kNow);
  EXPECT_EQ(size.next_look(kNow), 0) << "nothing is due without an event";
  size.decide(load_of(1, 6), kNow);
  EXPECT_EQ(size.next_look(kNow), kNow + GroupSize::kLook);
  size.decide(load_of(1, 5), kNow);
  EXPECT_EQ(size.next_look(kNow), 0);
}

}  // namespace
}  // namespace brine::daemon

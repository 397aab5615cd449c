// The gate counts what it lets in, for one process at a time; rows of groups lie apart.
#include <gtest/gtest.h>

#include <cstdint>
#include <thread>
#include <vector>

#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {
namespace {

Group group_of(int processes, int threads) {
  Group group;
  group.processes = processes;
  group.threads = threads;
  return group;
}

struct Board {
  Group first = group_of(2, 3);
  Group second = group_of(1, 0);
  std::vector<const Group*> groups = {&first, &second};
  Scoreboard scoreboard{groups};
};

TEST(Gate, IsClosedUntilItIsOpenedForItsProcess) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  const std::uint32_t incarnation = move_in(slot);
  EXPECT_FALSE(enter(slot, incarnation));
  open(slot, incarnation + 1);
  EXPECT_FALSE(enter(slot, incarnation)) << "opened for another process";
  open(slot, incarnation);
  EXPECT_TRUE(enter(slot, incarnation));
  EXPECT_FALSE(enter(slot, incarnation + 1));
}

TEST(Gate, CountsInAndOutAndNeverBelowZero) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  const std::uint32_t incarnation = move_in(slot);
  open(slot, incarnation);
  EXPECT_TRUE(enter(slot, incarnation));
  EXPECT_TRUE(enter(slot, incarnation));
  EXPECT_EQ(leave(slot, incarnation).in_flight, 1U);
  EXPECT_TRUE(close(slot).closed);
  EXPECT_FALSE(enter(slot, incarnation));
  EXPECT_EQ(leave(slot, incarnation, 5).in_flight, 0U);
  EXPECT_TRUE(gate_of(slot.gate.load()).closed);
}

TEST(Gate, WhatBelongedToTheLastProcessIsOfNoAccount) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  const std::uint32_t old = move_in(slot);
  open(slot, old);
  EXPECT_TRUE(enter(slot, old));
  const std::uint32_t incarnation = move_in(slot);
  open(slot, incarnation);
  EXPECT_TRUE(enter(slot, incarnation));
  leave(slot, old);
  EXPECT_EQ(gate_of(slot.gate.load()).in_flight, 1U);
}

TEST(Gate, ThreadsLoseNoCount) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  const std::uint32_t incarnation = move_in(slot);
  open(slot, incarnation);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) {
        if (enter(slot, incarnation)) leave(slot, incarnation);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gate_of(slot.gate.load()).in_flight, 0U);
}

TEST(Scoreboard, RowsLieApart) {
  Board board;
  const GroupView& first = board.scoreboard.group(0);
  const GroupView& second = board.scoreboard.group(1);
  EXPECT_EQ(first.slots.size(), slot_count(board.first));
  EXPECT_EQ(first.threads_of(1).size(), 3U);
  EXPECT_EQ(second.threads_of(0).size(), 1U) << "a service has a row for nothing";
  for (ThreadRecord& record : first.threads) record.since.store(1);
  for (Slot& slot : first.slots) slot.served.store(1);
  first.count(Counter::moved, 3);
  EXPECT_EQ(first.counted(Counter::moved), 3U);
  EXPECT_EQ(second.counted(Counter::moved), 0U);
  for (const Slot& slot : second.slots) EXPECT_EQ(slot.served.load(), 0U);
  for (const ThreadRecord& record : second.threads) EXPECT_EQ(record.since.load(), 0);
}

TEST(Scoreboard, WaitersAreWokenByAChangeAndNotHeldUpByAnOldOne) {
  Board board;
  const GroupView& view = board.scoreboard.group(0);
  const std::uint32_t seen = view.board->change.load();
  std::thread waiter([&] {
    while (view.board->change.load() == seen) {
      view.wait_for_change(seen, base::now() + 60 * base::kSecond);
    }
  });
  view.announce_change();
  waiter.join();
  view.wait_for_change(seen, base::now() + 60 * base::kSecond);  // has changed: returns at once
  const base::Nanos deadline = base::now() + base::kMillisecond;
  view.wait_for_change(view.board->change.load(), deadline);
  EXPECT_GE(base::now(), deadline);
}

}  // namespace
}  // namespace brine::daemon

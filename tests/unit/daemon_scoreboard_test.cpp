// The gate counts what it lets in, for one process at a time; rows of groups lie apart.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "daemon/shared/endpoints.hpp"
#include "daemon/shared/scoreboard.hpp"
#include "metrics/board.hpp"

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
  std::unique_ptr<metrics::Board> numbers = std::make_unique<metrics::Board>();
  Scoreboard scoreboard{groups, *numbers};
};

TEST(Gate, IsClosedUntilItIsOpenedForItsProcess) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  SlotMemory& memory = board.scoreboard.group(0).memory_of(0);
  const std::uint32_t incarnation = move_in(slot, memory);
  EXPECT_FALSE(enter(memory, incarnation));
  open(slot, memory);
  EXPECT_TRUE(enter(memory, incarnation));
  EXPECT_FALSE(enter(memory, incarnation + 1));
}

TEST(Gate, CountsInAndOutAndNeverBelowZero) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  SlotMemory& memory = board.scoreboard.group(0).memory_of(0);
  const std::uint32_t incarnation = move_in(slot, memory);
  open(slot, memory);
  EXPECT_TRUE(enter(memory, incarnation));
  EXPECT_TRUE(enter(memory, incarnation));
  EXPECT_EQ(leave(memory, incarnation).in_flight, 1U);
  EXPECT_TRUE(close(memory).closed);
  EXPECT_FALSE(enter(memory, incarnation));
  EXPECT_EQ(leave(memory, incarnation, 5).in_flight, 0U);
  EXPECT_TRUE(gate_of(memory.gate.load()).closed);
}

TEST(Gate, WhatBelongedToTheLastProcessIsOfNoAccount) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  SlotMemory& memory = board.scoreboard.group(0).memory_of(0);
  const std::uint32_t old = move_in(slot, memory);
  open(slot, memory);
  EXPECT_TRUE(enter(memory, old));
  const std::uint32_t incarnation = move_in(slot, memory);
  open(slot, memory);
  EXPECT_TRUE(enter(memory, incarnation));
  leave(memory, old);
  EXPECT_EQ(gate_of(memory.gate.load()).in_flight, 1U);
}

TEST(Gate, ThreadsLoseNoCount) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  SlotMemory& memory = board.scoreboard.group(0).memory_of(0);
  const std::uint32_t incarnation = move_in(slot, memory);
  open(slot, memory);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10000; ++n) {
        if (enter(memory, incarnation)) leave(memory, incarnation);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(gate_of(memory.gate.load()).in_flight, 0U);
}

TEST(Gate, OpensForTheProcessThatIsThereWhateverItHasWritten) {
  Board board;
  Slot& slot = board.scoreboard.group(0).slots[0];
  SlotMemory& memory = board.scoreboard.group(0).memory_of(0);
  const std::uint32_t first = move_in(slot, memory);
  memory.gate.store(~std::uint64_t{0});
  open(slot, memory);
  EXPECT_TRUE(enter(memory, first));
  memory.gate.store(12345);
  EXPECT_EQ(move_in(slot, memory), first + 1) << "the number is not the process's to say";
}

TEST(Scoreboard, RowsLieApart) {
  Board board;
  const GroupView& first = board.scoreboard.group(0);
  const GroupView& second = board.scoreboard.group(1);
  EXPECT_EQ(first.slots.size(), slot_count(board.first));
  EXPECT_EQ(first.threads_of(1).size(), 3U);
  EXPECT_EQ(second.threads_of(0).size(), 1U) << "a service has a row for nothing";
  for (const ProcessView& process : first.processes) {
    for (ThreadRecord& record : process.threads) record.since.store(1);
    process.memory->served.store(1);
  }
  for (const ProcessView& process : second.processes) {
    EXPECT_EQ(process.memory->served.load(), 0U);
    for (const ThreadRecord& record : process.threads) EXPECT_EQ(record.since.load(), 0);
  }
}

TEST(Scoreboard, WhatAGroupCountsIsKeptByTheNextConfiguration) {
  Board board;
  board.first.name = "shop";
  const auto count = [&board] {
    const Scoreboard next(board.groups, *board.numbers);
    next.group(0).count(Counter::moved, 3);
    return next.group(0).numbers->counters[static_cast<std::size_t>(Counter::moved)].load();
  };
  EXPECT_EQ(count(), 3U);
  EXPECT_EQ(count(), 6U);
  const Scoreboard next(board.groups, *board.numbers);
  EXPECT_NE(next.group(0).numbers, next.group(1).numbers);
}

TEST(Scoreboard, AProcessMapsItsOwnSlotAndCannotChangeItsSize) {
  Board board;
  const GroupView& view = board.scoreboard.group(0);
  const int file = board.scoreboard.memory_file(0);
  const base::SharedMemory mapped(file, slot_offset(2, 3), slot_bytes(3));
  const ProcessView own = view_slot(mapped.data(), 3);
  own.memory->served.store(7);
  own.threads[2].since.store(9);
  EXPECT_EQ(view.memory_of(2).served.load(), 7U);
  EXPECT_EQ(view.threads_of(2)[2].since.load(), 9);
  EXPECT_EQ(view.memory_of(1).served.load(), 0U);
  EXPECT_NE(::ftruncate(file, 0), 0) << "whoever reads it would be sent SIGBUS";
}

std::size_t open_descriptors() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST(Endpoints, AGroupCostsHttpdsFirstProcessOneDescriptor) {
  std::vector<Group> groups(50);
  std::vector<const Group*> pointers;
  for (Group& group : groups) {
    group.processes = 20;
    group.threads = 5;
    pointers.push_back(&group);
  }
  const std::size_t before = open_descriptors();
  const auto numbers = std::make_unique<metrics::Board>();
  const Endpoints none({}, *numbers);
  const std::size_t for_all = open_descriptors() - before;
  Endpoints endpoints(pointers, *numbers);
  EXPECT_EQ(open_descriptors(), before + 2 * for_all + groups.size());
  endpoints.keep_httpds_ends();
  EXPECT_LE(open_descriptors(), before + 2 * for_all) << "a child of httpd has nothing of a group";
}

TEST(Scoreboard, TimesThatAProcessHasWrittenLieInThePast) {
  SlotMemory memory{};
  ThreadRecord record{};
  for (const base::Nanos written : {INT64_MIN, INT64_C(-1), INT64_C(50), INT64_MAX}) {
    memory.activity.store(written);
    memory.gil_touched.store(written);
    record.since.store(written);
    const SlotReading reading = read_slot(memory, 100);
    for (const base::Nanos time : {reading.activity, reading.gil_touched, since_of(record, 100)}) {
      EXPECT_GE(time, 0);
      EXPECT_LE(time, 100);
      EXPECT_TRUE(written != 50 || time == 50);
    }
  }
}

void take_up(ThreadRecord& record, std::string_view what, std::string_view id) {
  const auto put = [](auto& place, std::string_view text) {
    text = text.substr(0, place.size() - 1);
    std::fill(std::copy(text.begin(), text.end(), place.begin()), place.end(), '\0');
  };
  put(record.what, what);
  put(record.id, id);
  record.since.store(50);
}

TEST(Scoreboard, NoMoreRequestsComputeThanHaveBeenLetIn) {
  SlotMemory memory{};
  memory.computing = 4711;
  EXPECT_EQ(computing_in(memory, {false, 1, 3}), 3U);
  memory.computing = 2;
  EXPECT_EQ(computing_in(memory, {false, 1, 3}), 2U);
  EXPECT_EQ(computing_in(memory, {false, 1, 0}), 0U) << "the process has not looked since";
}

TEST(Scoreboard, AThreadIsFoundByItsRequestSIdAndName) {
  Board board;
  const auto threads = board.scoreboard.group(0).threads_of(0);
  const std::string longer(300, 'x');
  take_up(threads[0], "GET /one", "same");
  take_up(threads[1], "GET /one/more", "same");
  take_up(threads[2], "GET /" + longer, longer);
  const auto found = [&](std::string_view what, std::string_view id) {
    metrics::RequestName name;
    name.what.set(what);
    name.id.set(id);
    return thread_with(threads, name, 100);
  };
  EXPECT_EQ(found("GET /one", "same"), 0U);
  EXPECT_EQ(found("GET /one/more", "same"), 1U);
  EXPECT_EQ(found("GET /" + longer, longer), 2U) << "each record cuts it off elsewhere";
  EXPECT_FALSE(found("GET /one", "")) << "no id is nobody's";
  EXPECT_FALSE(found("GET /two", "same"));
  threads[0].since.store(0);
  EXPECT_FALSE(found("GET /one", "same")) << "its request has ended";
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

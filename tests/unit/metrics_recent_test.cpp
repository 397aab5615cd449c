// What the board keeps of what runs and of what has happened lately.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "metrics/board.hpp"
#include "metrics/life_event.hpp"
#include "metrics/snapshot.hpp"

namespace brine::metrics {
namespace {

using Pair = std::array<std::uint64_t, 16>;

TEST(SharedRecord, AReaderNeverSeesHalfOfARecord) {
  const auto shared = std::make_unique<SharedRecord<Pair>>();
  EXPECT_FALSE(shared->read());
  std::atomic<bool> ended{false};
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= 20000; ++i) {
      Pair record;
      record.fill(i);
      shared->write(record, i);
    }
    ended = true;
  });
  std::uint64_t last = 0;
  while (!ended) {
    const auto read = shared->read();
    if (!read) continue;
    for (const std::uint64_t word : *read) ASSERT_EQ(word, read->front());
    EXPECT_GE(read->front(), last);
    last = read->front();
  }
  writer.join();
  EXPECT_EQ(shared->read()->front(), 20000U);
}

TEST(Ring, KeepsTheLastOnes) {
  const auto ring = std::make_unique<Ring<Pair, 4>>();
  EXPECT_TRUE(ring->read().empty());
  for (std::uint64_t i = 1; i <= 6; ++i) ring->add(Pair{i});
  const auto read = ring->read();
  ASSERT_EQ(read.size(), 4U);
  for (std::uint64_t i = 0; i < 4; ++i) EXPECT_EQ(read[i].front(), 6 - i);
}

TEST(RecordText, IsCutOff) {
  RecordText<8> text;
  text.set({"GET ", "/abcdef"});
  EXPECT_EQ(text.view(), "GET /abc");
  text.set("x");
  EXPECT_EQ(text.view(), "x");
}

TEST(RecordText, HasWhatStandsBehindANul) {
  RecordText<16> text;
  text.set({std::string_view("a\0z", 3), "c"});
  EXPECT_EQ(text.view(), "a\x01zc");
}

TEST(RunningRow, ShowsARequestWhileItRuns) {
  const auto board = std::make_unique<Board>();
  RunningRow* const row = board->running(10, 11);
  RunningRow* const other = board->running(10, 12);
  ASSERT_NE(row, nullptr);
  EXPECT_NE(row, other);
  RunningRequest request;
  request.name.what.set("GET /");
  request.since = 5;
  EXPECT_FALSE(row->read());
  row->begin(request);
  row->sent_to(20);
  EXPECT_EQ(row->read()->name.what.view(), "GET /");
  EXPECT_EQ(row->by(), 20);
  row->end();
  EXPECT_FALSE(row->read());
  row->begin(request);
  EXPECT_EQ(row->by(), 0) << "the next one has not been sent yet";
}

TEST(RunningRow, ThoseOfDeadProcessesAreTakenAgain) {
  const auto board = std::make_unique<Board>();
  for (std::size_t i = 0; i < Board::kRunning; ++i) ASSERT_NE(board->running(10, 1), nullptr);
  EXPECT_EQ(board->running(20, 1), nullptr);
  board->sweep_running([](std::int32_t pid) { return pid != 10; });
  RunningRow* const row = board->running(20, 1);
  ASSERT_NE(row, nullptr);
  EXPECT_FALSE(row->read());
  row->release();
  int used = 0;
  board->each_running([&](const RunningRow&) { ++used; });
  EXPECT_EQ(used, 0);
}

TEST(StackPlace, IsAnsweredOnceForTheRequestThatIsMeant) {
  const auto place = std::make_unique<StackPlace>();
  EXPECT_FALSE(place->take(0));
  EXPECT_FALSE(place->take(5));
  place->ask(5);
  EXPECT_FALSE(place->take(6)) << "another request has the thread by now";
  EXPECT_TRUE(place->take(5));
  EXPECT_FALSE(place->take(5));
  EXPECT_FALSE(place->is_answered(5));
  place->answer("in f", 5);
  EXPECT_TRUE(place->is_answered(5));
  EXPECT_EQ(place->read(), "in f");
  place->ask(5);
  EXPECT_FALSE(place->is_answered(5));
  place->answer(std::string(StackPlace::kBytes, 'x') + "end", 5);
  EXPECT_TRUE(place->read().ends_with("xend"));
  EXPECT_EQ(place->read().size(), StackPlace::kBytes);
  place->size = 0xffffffff;
  EXPECT_EQ(place->read().size(), StackPlace::kBytes) << "a tenant may write any size";
}

TEST(ScriptRow, KnowsTheNewestLoad) {
  const auto board = std::make_unique<Board>();
  ScriptRow& row = board->script("g", "/s.wsgi");
  EXPECT_TRUE(row.note_load(1, 100));
  EXPECT_FALSE(row.note_load(1, 100));
  EXPECT_TRUE(row.note_load(2, 200));
  EXPECT_FALSE(row.note_load(1, 150));
  EXPECT_EQ(row.generation, 2U);
}

TEST(ScriptRow, ClaimsOfReloadsAreToldOnceInASecond) {
  const auto board = std::make_unique<Board>();
  ScriptRow& row = board->script("g", "/s.wsgi");
  EXPECT_TRUE(row.may_tell_claim(5));
  EXPECT_FALSE(row.may_tell_claim(4 + base::kSecond));
  EXPECT_TRUE(row.may_tell_claim(5 + base::kSecond));
  EXPECT_FALSE(row.may_tell_claim(6 + base::kSecond));
}

TEST(Recent, WhatARecordSaysIsShownAsText) {
  const auto board = std::make_unique<Board>();
  ErrorRecord error;
  error.text.set("BRINE0401: a\x1b[2J \xff");
  board->errors.add(error);
  EventRecord event;
  event.event = static_cast<ProcessEvent>(77);
  board->events.add(event);
  SlowRecord slow;
  slow.script = 1 << 30;
  slow.phases = {-5, 0, 0};
  board->slow.add(slow);
  Snapshot snapshot;
  add_recent(*board, snapshot);
  EXPECT_EQ(snapshot.errors[0].code, "BRINE0401");
  EXPECT_EQ(snapshot.errors[0].text, "a\xef\xbf\xbd[2J \xef\xbf\xbd");
  EXPECT_EQ(snapshot.events[0].event, "end");
  EXPECT_EQ(snapshot.slow[0].group, kOther);
  EXPECT_EQ(snapshot.slow[0].phases[0], 0);
}

TEST(LifeEvent, IsOneLineWhateverATenantCallsThings) {
  LifeEvent event;
  event.event = ProcessEvent::end;
  event.group = "shop\n{\"event\":\"start\"}";
  event.pid = 7;
  event.how = "exit code 0";
  event.requests = {{"GET /\r\n\x80\"", "id", 2 * base::kSecond}};
  const std::string line = to_json_line(event);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_NE(line.find("\"process_group\":\"shop\\n{\\\"event\\\":"), std::string::npos) << line;
  EXPECT_NE(line.find("\"seconds\":2"), std::string::npos);
}

TEST(LifeEvent, ALineFitsIntoAPipe) {
  LifeEvent event;
  event.event = ProcessEvent::end;
  event.how = "killed by SIGSEGV";
  event.requests.assign(100, {std::string(112, '\x01'), std::string(64, '\x02'), 1});
  const std::string line = to_json_line(event);
  EXPECT_LE(line.size(), kMostLine);
  EXPECT_NE(line.find("\"requests_left_out\":"), std::string::npos);
}

TEST(LifeEvent, AProcessThatTellsOfItsOwnEndSaysNotHow) {
  LifeEvent event;
  event.event = ProcessEvent::end;
  event.reason = "restart";
  event.peak = 4096;
  const std::string line = to_json_line(event);
  EXPECT_NE(line.find("\"peak_memory_bytes\":4096"), std::string::npos) << line;
  for (const char* unknown : {"\"how\"", "\"served\"", "\"requests\""}) {
    EXPECT_EQ(line.find(unknown), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace brine::metrics

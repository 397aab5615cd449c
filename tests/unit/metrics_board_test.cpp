#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "metrics/board.hpp"
#include "metrics/snapshot.hpp"

namespace brine::metrics {
namespace {

RequestMeasures measures(Method method, int status) {
  RequestMeasures result;
  result.method = method;
  result.status = status;
  result.was_run = result.was_called = true;
  result.phases = {3 * base::kMillisecond, 40 * base::kMillisecond, base::kSecond};
  result.bytes_in = 5;
  result.bytes_out = 7;
  return result;
}

struct Boards : testing::Test {
  std::unique_ptr<Board> board = std::make_unique<Board>();
  Snapshot snapshot() const {
    Snapshot result;
    add_numbers(*board, result);
    return result;
  }
};

TEST(Histogram, ADurationIsInTheBucketThatItsBoundEnds) {
  EXPECT_EQ(bucket_of(-5), 0U);
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of(5 * base::kMillisecond), 0U);
  EXPECT_EQ(bucket_of(5 * base::kMillisecond + 1), 1U);
  EXPECT_EQ(bucket_of(60 * base::kSecond), kBuckets - 2);
  EXPECT_EQ(bucket_of(61 * base::kSecond), kBuckets - 1);
}

TEST(Board, MethodsThatAClientMakesUpAreOne) {
  EXPECT_EQ(method_of("GET"), Method::get);
  EXPECT_EQ(method_of("DELETE"), Method::delete_);
  for (const char* name : {"get", "", "other", "BREW", "GETGET"}) {
    EXPECT_EQ(method_of(name), Method::other) << name;
  }
}

TEST(Board, AStatusThatIsNoneCountsAsAnError) {
  EXPECT_EQ(status_class_of(204), 1U);
  EXPECT_EQ(status_class_of(599), 4U);
  for (const int status : {-1, 0, 99, 600, 999}) EXPECT_EQ(status_class_of(status), 4U);
}

TEST_F(Boards, EachOfManyThreadsCountsAllOfItsRequests) {
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      RequestCounts& counts =
          board->script("shop", i % 2 == 0 ? "/a.wsgi" : "/b.wsgi").stripes[board->next_stripe()];
      for (int n = 0; n < 1000; ++n) counts.add(measures(Method::post, 302));
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Snapshot seen = snapshot();
  ASSERT_EQ(seen.groups.size(), 1U);
  ASSERT_EQ(seen.groups[0].scripts.size(), 2U);
  for (const ScriptSnapshot& script : seen.groups[0].scripts) {
    EXPECT_EQ(script.requests.requests[static_cast<std::size_t>(Method::post)][2], 4000U);
    EXPECT_EQ(script.requests.phases[1].count(), 4000U);
    EXPECT_EQ(script.requests.phases[2].nanos, std::uint64_t{4000} * 1000000000);
    EXPECT_EQ(script.requests.bytes_in, 20000U);
    EXPECT_EQ(script.requests.bytes_out, 28000U);
  }
}

TEST_F(Boards, ARefusedRequestHasNoTimes) {
  RequestMeasures refused;
  refused.status = 503;
  board->script("shop", "/a.wsgi").stripes[0].add(refused);
  const RequestReading reading = board->script("shop", "/a.wsgi").read();
  EXPECT_EQ(reading.requests[static_cast<std::size_t>(Method::other)][4], 1U);
  for (const HistogramReading& phase : reading.phases) EXPECT_EQ(phase.count(), 0U);
}

TEST_F(Boards, OfMoreScriptsThanThereIsRoomForTheLastCountAsOthersOfTheirGroup) {
  constexpr int kMany = 3000;
  for (int i = 0; i < kMany; ++i) {
    const std::string script = "/srv/" + std::to_string(i) + ".wsgi";
    board->script("first", script).stripes[0].add(measures(Method::get, 200));
  }
  board->script("second", "/late.wsgi").stripes[0].add(measures(Method::get, 200));
  const Snapshot seen = snapshot();
  ASSERT_EQ(seen.groups.size(), 2U);
  EXPECT_LE(seen.groups[0].scripts.size(), Board::kScripts);
  std::uint64_t sum = 0;
  for (const ScriptSnapshot& script : seen.groups[0].scripts) sum += script.requests.requests[0][1];
  EXPECT_EQ(sum, static_cast<std::uint64_t>(kMany)) << "none is lost";
  EXPECT_EQ(seen.groups[0].scripts.back().path, kOther);
  ASSERT_EQ(seen.groups[1].scripts.size(), 1U);
  EXPECT_EQ(seen.groups[1].scripts[0].path, kOther);
}

TEST_F(Boards, OfMoreGroupsThanThereIsRoomForTheLastShareARow) {
  std::set<GroupRow*> rows;
  for (int i = 0; i < 1000; ++i) {
    GroupRow& row = board->group("group " + std::to_string(i));
    row.counters[0].fetch_add(1);
    rows.insert(&row);
  }
  EXPECT_EQ(rows.size(), Board::kGroups + 1);
  EXPECT_EQ(&board->group("group 3"), &board->group("group 3"));
  EXPECT_EQ(board->group("group 3").counters[0].load(), 1U);
  const Snapshot seen = snapshot();
  EXPECT_EQ(seen.groups.back().name, kOther);
  EXPECT_EQ(seen.groups.back().counters[0], 1000U - Board::kGroups);
}

TEST_F(Boards, GroupsThatScriptsOfManyGroupsFillUpHaveOneRowForTheRest) {
  for (int i = 0; i < 3000; ++i) {
    board->script("group " + std::to_string(i), "/a.wsgi")
        .stripes[0]
        .add(measures(Method::get, 200));
  }
  std::uint64_t sum = 0;
  for (const GroupSnapshot& group : snapshot().groups) {
    for (const ScriptSnapshot& script : group.scripts) sum += script.requests.requests[0][1];
  }
  EXPECT_EQ(sum, 3000U);
}

TEST_F(Boards, ALongPathKeepsItsEnd) {
  const std::string path = std::string(400, 'x') + "/app.wsgi";
  board->script("shop", path);
  const Snapshot seen = snapshot();
  EXPECT_EQ(seen.groups[0].scripts[0].path, path.substr(path.size() - 256));
}

TEST_F(Boards, AProcessHasItsRowUntilItEnds) {
  ProcessRow* const row = board->process(4711);
  ASSERT_NE(row, nullptr);
  int seen = 0;
  board->each_process([&](const ProcessRow&) { ++seen; });
  EXPECT_EQ(seen, 0) << "the supervisor has not written it yet";
  ProcessReading reading;
  reading.pid = 4711;
  reading.generation = 3;
  reading.state = ProcessState::draining;
  reading.resident = 12345;
  row->write(reading);
  board->each_process([&](const ProcessRow& found) {
    ++seen;
    EXPECT_EQ(found.read().generation, 3);
    EXPECT_EQ(found.read().state, ProcessState::draining);
    EXPECT_EQ(found.read().resident, 12345U);
  });
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(board->row_of(4711), row);
  EXPECT_NE(board->process(4712), row);
  row->release();
  EXPECT_EQ(board->row_of(4711), nullptr);
  EXPECT_EQ(board->process(4713), row);
}

TEST_F(Boards, MoreProcessesThanThereAreRowsAreNotShown) {
  for (std::size_t i = 0; i < Board::kProcesses; ++i) {
    ASSERT_NE(board->process(static_cast<std::int32_t>(i) + 1), nullptr);
  }
  EXPECT_EQ(board->process(5000), nullptr);
}

TEST(Printable, BytesThatNoTextHasAreReplaced) {
  EXPECT_EQ(printable("a/b.wsgi"), "a/b.wsgi");
  EXPECT_EQ(printable("\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d"),
            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x8d");
  const std::string mark = "\xef\xbf\xbd";
  EXPECT_EQ(printable("a\nb\x7f"), "a" + mark + "b" + mark);
  EXPECT_EQ(printable("\xc3"), mark);
  EXPECT_EQ(printable("\xc0\xaf"), mark + mark);
  EXPECT_EQ(printable("\xed\xa0\x80"), mark + mark + mark);
  EXPECT_EQ(printable("\xf5x"), mark + "x");
}

}  // namespace
}  // namespace brine::metrics

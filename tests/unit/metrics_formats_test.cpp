#include <gtest/gtest.h>

#include <string>

#include "metrics/json.hpp"
#include "metrics/openmetrics.hpp"
#include "metrics/snapshot.hpp"

namespace brine::metrics {
namespace {

Snapshot sample() {
  Snapshot snapshot;
  snapshot.version = "1.2";
  GroupSnapshot& group = snapshot.group("a \"b\" \\");
  group.is_daemon = true;
  group.processes = 2;
  group.threads = 3;
  group.counters[static_cast<std::size_t>(Counter::deaths)] = 4;
  ProcessSnapshot process;
  process.pid = 77;
  process.generation = 5;
  process.state = "ready";
  process.in_flight = 5;
  process.busy = 3;
  group.running = {process};
  ScriptSnapshot script{"/a.wsgi", {}};
  script.requests.requests[0][1] = 9;
  script.requests.phases[0].buckets[0] = 8;
  script.requests.phases[0].buckets[kBuckets - 1] = 1;
  script.requests.phases[0].nanos = 1500000000;
  group.scripts = {script};
  return snapshot;
}

bool has(const std::string& text, const std::string& line) {
  return text.find(line + "\n") != std::string::npos;
}

TEST(OpenMetrics, ACountersFamilyLacksTheSuffixOfItsSamples) {
  const std::string text = to_openmetrics(sample(), Exposition::openmetrics);
  EXPECT_TRUE(has(text, "# TYPE brine_requests counter"));
  EXPECT_TRUE(has(text, R"(brine_requests_total{process_group="a \"b\" \\",script="/a.wsgi",)"
                        R"(method="GET",status="2xx"} 9)"));
  EXPECT_TRUE(has(text, "# UNIT brine_process_cpu_seconds seconds"));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST(OpenMetrics, TheOlderFormatHasTheSuffixEverywhere) {
  const std::string text = to_openmetrics(sample(), Exposition::prometheus);
  EXPECT_TRUE(has(text, "# TYPE brine_requests_total counter"));
  EXPECT_EQ(text.find("# UNIT"), std::string::npos);
  EXPECT_EQ(text.find("# EOF"), std::string::npos);
}

TEST(OpenMetrics, BucketsAreCumulative) {
  const std::string text = to_openmetrics(sample(), Exposition::openmetrics);
  const std::string labels = R"({process_group="a \"b\" \\",script="/a.wsgi")";
  const std::string name = "brine_request_waiting_seconds";
  EXPECT_TRUE(has(text, name + "_bucket" + labels + R"(,le="0.005"} 8)"));
  EXPECT_TRUE(has(text, name + "_bucket" + labels + R"(,le="60.0"} 8)"));
  EXPECT_TRUE(has(text, name + "_bucket" + labels + R"(,le="+Inf"} 9)"));
  EXPECT_TRUE(has(text, name + "_sum" + labels + "} 1.500000000"));
  EXPECT_TRUE(has(text, name + "_count" + labels + "} 9"));
}

TEST(OpenMetrics, RequestsBeyondTheThreadsOfTheirProcessWait) {
  const std::string text = to_openmetrics(sample(), Exposition::openmetrics);
  const std::string labels = R"({process_group="a \"b\" \\"})";
  EXPECT_TRUE(has(text, "brine_group_threads_busy" + labels + " 3"));
  EXPECT_TRUE(has(text, "brine_group_requests_waiting" + labels + " 2"));
  EXPECT_TRUE(has(text, "brine_process_crashes_total" + labels + " 4"));
}

TEST(Json, IsCompleteAndEscaped) {
  const std::string text = to_json(sample());
  EXPECT_NE(text.find(R"("name":"a \"b\" \\","daemon":true)"), std::string::npos);
  EXPECT_NE(text.find(R"("requests":{"GET 2xx":9})"), std::string::npos);
  EXPECT_NE(text.find(R"("buckets":[8,0,0,0,0,0,0,0,0,0,0,0,0,1])"), std::string::npos);
  EXPECT_NE(text.find(R"("deaths":4)"), std::string::npos);
}

TEST(Json, NothingHasRunYet) {
  const std::string text = to_json(Snapshot{});
  EXPECT_TRUE(text.ends_with(R"("groups":[],"slow":[],"errors":[],"events":[]})"
                             "\n"));
}

}  // namespace
}  // namespace brine::metrics

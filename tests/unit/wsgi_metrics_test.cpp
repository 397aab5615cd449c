#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <limits>
#include <numeric>

#include "wsgi/metrics.hpp"

namespace brine::wsgi {
namespace {

TEST(Metrics, EachBucketEndsWhereTheNextBegins) {
  EXPECT_EQ(bucket_of(0), 0U);
  EXPECT_EQ(bucket_of(-1), 0U);
  EXPECT_EQ(bucket_of(std::numeric_limits<double>::quiet_NaN()), 0U);
  EXPECT_EQ(bucket_of(0.0012), 0U);
  EXPECT_EQ(bucket_of(0.0013), 1U);
  EXPECT_EQ(bucket_of(0.0019), 3U);
  EXPECT_EQ(bucket_of(0.0021), 4U);
  EXPECT_EQ(bucket_of(65.4), 63U);
  EXPECT_EQ(bucket_of(65.6), 64U);
  EXPECT_EQ(bucket_of(1e9), 64U);
  EXPECT_EQ(bucket_of(std::numeric_limits<double>::infinity()), 64U);
}

TEST(Metrics, SumsUpWhatItIsGiven) {
  Metrics metrics;
  metrics.prepare(2);
  Measures measures;
  for (const int thread : {0, 1, 2, 3}) {
    measures.thread_id = thread;
    measures.status = 100 + 200 * thread;
    measures[Span::request] = 0.5 + thread;
    metrics.record(measures);
  }
  const Totals totals = metrics.totals();
  EXPECT_EQ(totals.requests, 4U);
  EXPECT_EQ(totals.statuses, (std::array<std::uint64_t, 5>{1, 0, 1, 0, 1})) << "700 is none";
  const Timing& timing = totals.timings[static_cast<std::size_t>(Span::request)];
  EXPECT_DOUBLE_EQ(timing.sum, 8);
  EXPECT_DOUBLE_EQ(timing.least, 0.5);
  EXPECT_DOUBLE_EQ(timing.most, 3.5);
  EXPECT_EQ(std::accumulate(timing.buckets.begin(), timing.buckets.end(), 0U), 4U);
  ASSERT_EQ(totals.threads.size(), 2U);
  EXPECT_EQ(totals.threads[0].completed, 1U);
  EXPECT_DOUBLE_EQ(totals.threads[1].longest, 2.5);
}

}  // namespace
}  // namespace brine::wsgi

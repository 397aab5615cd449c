#include <gtest/gtest.h>

#include <cstdint>

#include "apache/request/body_plan.hpp"

namespace brine::apache {
namespace {

constexpr std::int64_t kMiB = 1 << 20;
constexpr auto kOn = ChunkedRequest::on;
constexpr auto kStream = ChunkedRequest::stream;

TEST(BodyPlan, NothingIsReadWhereThereIsNoBody) {
  EXPECT_FALSE(plan_body({}, kOn, 0).has_body);
  EXPECT_FALSE(plan_body({.length = 0}, kOn, kMiB).has_body);
  EXPECT_FALSE(plan_body({.filtered = true}, kOn, 0).has_body);
  EXPECT_FALSE(plan_body({}, kStream, 0).has_body);
}

TEST(BodyPlan, TheStartOfABodyOfKnownLength) {
  EXPECT_EQ(plan_body({.length = 10}, kOn, 0).first, 10);
  EXPECT_EQ(plan_body({.length = kBodyStart}, kOn, 0).first, kBodyStart);
  EXPECT_EQ(plan_body({.length = kMiB}, kOn, 0).first, kBodyStart);
  EXPECT_EQ(plan_body({.length = kMiB}, kStream, 0).first, kBodyStart);
}

TEST(BodyPlan, BufferingTakesMoreAndNeverLess) {
  EXPECT_EQ(plan_body({.length = kMiB}, kOn, kMiB).first, kMiB);
  EXPECT_EQ(plan_body({.length = 2 * kMiB}, kOn, kMiB).first, kMiB);
  EXPECT_EQ(plan_body({.length = 2 * kMiB}, kOn, 100).first, kBodyStart);
}

TEST(BodyPlan, AllOfABodyWhoseLengthIsNotKnown) {
  const BodyPlan plan = plan_body({.without_length = true}, kOn, 0);
  EXPECT_EQ(plan.first, kWholeBody);
  EXPECT_TRUE(plan.tell_length);
  EXPECT_EQ(plan_body({.kept = true}, kOn, 0).first, kWholeBody);
}

TEST(BodyPlan, StreamWaitsForTheFirstByteAlone) {
  const BodyPlan plan = plan_body({.without_length = true}, kStream, 0);
  EXPECT_EQ(plan.first, 1);
  EXPECT_FALSE(plan.tell_length);
  EXPECT_EQ(plan_body({.without_length = true}, kStream, kMiB).first, kMiB);
}

TEST(BodyPlan, AFilterMayChangeTheLength) {
  EXPECT_TRUE(plan_body({.length = 10, .filtered = true}, kOn, 0).filtered);
  EXPECT_FALSE(plan_body({.length = 10, .filtered = true}, kStream, 0).filtered);
}

TEST(BodyPlan, AnErrorPageDoesNotReadTheBodyAgain) {
  const BodyPlan plan = plan_body({.without_length = true, .error_page = true}, kOn, kMiB);
  EXPECT_TRUE(plan.has_body);
  EXPECT_EQ(plan.first, 0);
}

}  // namespace
}  // namespace brine::apache

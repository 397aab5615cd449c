#include <gtest/gtest.h>

#include <cstdint>
#include <set>

#include "pickle/sampler.hpp"

namespace brine::pickle {
namespace {

int taken_of(Sampler& sampler, int dumps, std::uint32_t every) {
  int taken = 0;
  for (int i = 0; i < dumps; ++i) {
    if (sampler.takes(every)) ++taken;
  }
  return taken;
}

TEST(Sampler, TakesOneOfEachSoMany) {
  Sampler sampler(1);
  for (int block = 0; block < 50; ++block) EXPECT_EQ(taken_of(sampler, 7, 7), 1);
  EXPECT_EQ(taken_of(sampler, 20, 1), 20);
  EXPECT_EQ(taken_of(sampler, 20, 0), 0);
}

TEST(Sampler, CountsEachNumberByItself) {
  Sampler sampler(1);
  int taken = 0;
  for (int i = 0; i < 30; ++i) {
    if (sampler.takes(3)) ++taken;
    sampler.takes(5);
  }
  EXPECT_EQ(taken, 10);
}

TEST(Sampler, TakesEachOfTwoKindsThatTakeTurns) {
  Sampler sampler(1);
  std::set<int> kinds;
  for (int i = 0; i < 400; ++i) {
    if (sampler.takes(4)) kinds.insert(i % 2);
  }
  EXPECT_EQ(kinds, (std::set<int>{0, 1}));
}

}  // namespace
}  // namespace brine::pickle

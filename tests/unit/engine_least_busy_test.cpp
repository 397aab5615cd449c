// Which interpreter of an application group serves the next request.
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <vector>

#include "engine/least_busy.hpp"

namespace brine::engine {
namespace {

TEST(LeastBusy, TakesTheOneWithTheFewestRequests) {
  struct Case {
    std::vector<int> running;
    std::size_t chosen;
  };
  for (const auto& [running, chosen] :
       {Case{{0}, 0}, Case{{7}, 0}, Case{{0, 0, 0}, 0}, Case{{1, 0, 0}, 1}, Case{{1, 1, 0}, 2},
        Case{{2, 1, 1}, 1}, Case{{0, 5, 5}, 0}, Case{{3, 2, 1}, 2}}) {
    EXPECT_EQ(least_busy(running), chosen);
  }
}

TEST(LeastBusy, SpreadsRequestsThatRunAtOnce) {
  std::array<int, 3> running{};
  for (int i = 0; i < 9; ++i) ++running[least_busy(running)];
  EXPECT_EQ(running, (std::array{3, 3, 3}));
}

}  // namespace
}  // namespace brine::engine

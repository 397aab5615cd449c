// What one build of the module leaves for the next one in httpd's memory.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "apache/process/predecessors.hpp"

namespace brine::apache {
namespace {

// As httpd keeps it: bytes that somebody has written.
template <class Value>
std::vector<std::uint32_t> kept(const Value& value) {
  std::vector<std::uint32_t> bytes(sizeof(Value) / sizeof(std::uint32_t));
  std::memcpy(bytes.data(), &value, sizeof(Value));
  return bytes;
}

TEST(Predecessors, AreFoundAgain) {
  Predecessors list;
  for (const pid_t pid : {11, 12, 13}) list.add(pid);
  list.remove(12);
  auto bytes = kept(list);
  const Predecessors* found = Predecessors::in(bytes.data());
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->pids[0], 11);
  EXPECT_EQ(found->pids[1], 0);
  EXPECT_EQ(found->pids[2], 13);
}

TEST(Predecessors, OfAnotherBuildAreNone) {
  EXPECT_EQ(Predecessors::in(nullptr), nullptr) << "the first start";
  Predecessors later;
  later.version = Predecessors::kVersion + 1;
  auto bytes = kept(later);
  EXPECT_EQ(Predecessors::in(bytes.data()), nullptr);
  for (const pid_t first : {0, 1, 4194304}) {  // as builds without a version left it
    std::array<pid_t, Predecessors::kMost> pids{first};
    bytes = kept(pids);
    EXPECT_EQ(Predecessors::in(bytes.data()), nullptr) << first;
  }
}

TEST(Predecessors, NoMoreAreKeptThanThereIsRoomFor) {
  Predecessors list;
  for (pid_t pid = 1; pid <= 70; ++pid) list.add(pid);
  EXPECT_EQ(list.pids.back(), static_cast<pid_t>(Predecessors::kMost));
  list.remove(5);
  list.add(99);
  EXPECT_EQ(list.pids[4], 99);
}

}  // namespace
}  // namespace brine::apache

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "apache/config/meant.hpp"

using namespace brine::apache;

namespace {

const std::vector<std::string_view> kKnown = {"threads", "processes", "user", "umask", "home"};

TEST(Meant, ASlipOfTheKeyboard) {
  EXPECT_EQ(meant("thraeds", kKnown), "threads");
  EXPECT_EQ(meant("thread", kKnown), "threads");
  EXPECT_EQ(meant("threadss", kKnown), "threads");
  EXPECT_EQ(meant("Threads", kKnown), "threads");
  EXPECT_EQ(meant("hmoe", kKnown), "home");
  EXPECT_EQ(meant("proceses", kKnown), "processes");
}

TEST(Meant, AnotherWordIsNone) {
  EXPECT_EQ(meant("python", kKnown), "");
  EXPECT_EQ(meant("us", kKnown), "");
  EXPECT_EQ(meant("", kKnown), "");
  EXPECT_EQ(meant(std::string(100'000, 't'), kKnown), "");
  EXPECT_EQ(meant("threads", {}), "");
}

TEST(UnknownOption, FewAreListed) {
  EXPECT_EQ(unknown_option("x", {}), "has the unknown option 'x'; it takes none");
  EXPECT_EQ(unknown_option("colour", {"process-group", "name"}),
            "has the unknown option 'colour'; there are process-group=, name=");
  EXPECT_EQ(unknown_option("colour", {"a", "b", "c", "d", "e", "f", "g"}),
            "has the unknown option 'colour'");
}

}  // namespace

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "apache/log_lines.hpp"

namespace brine::apache {
namespace {

using Records = std::vector<std::string>;

TEST(LogRecords, AreTheLines) {
  EXPECT_EQ(log_records("one"), Records{"one"});
  EXPECT_EQ(log_records("one\ntwo\n"), (Records{"one", "two"}));
  EXPECT_EQ(log_records("one\n\nthree"), (Records{"one", "", "three"}));
  EXPECT_EQ(log_records(""), Records{""});
  EXPECT_EQ(log_records("\n"), Records{""});
}

TEST(LogRecords, RepeatTheCode) {
  EXPECT_EQ(log_records("BRINE0401: boom\nTraceback\n  File"),
            (Records{"BRINE0401: boom", "BRINE0401| Traceback", "BRINE0401|   File"}));
}

TEST(LogRecords, RepeatNothingThatIsNoCode) {
  EXPECT_EQ(log_records("BRINE: a\nb"), (Records{"BRINE: a", "b"}));
  EXPECT_EQ(log_records("BRINE0401 a\nb"), (Records{"BRINE0401 a", "b"}));
  EXPECT_EQ(log_records("see BRINE0401: a\nb"), (Records{"see BRINE0401: a", "b"}));
}

TEST(LogRecords, SplitALongLineWithoutLoss) {
  EXPECT_EQ(log_records("abcdefgh", 3), (Records{"abc", "def", "gh"}));
  EXPECT_EQ(log_records("BRINE1: x\nabcd", 9), (Records{"BRINE1: x", "BRINE1| abcd"}));
}

TEST(LogRecords, CountWhatHttpdMakesOfAByte) {
  // "\xc3\xa9" takes 8 characters in the log, a backslash 2.
  EXPECT_EQ(log_records("\xc3\xa9\xc3\xa9", 8), (Records{"\xc3\xa9", "\xc3\xa9"}));
  EXPECT_EQ(log_records("\\\\\\", 4), (Records{"\\\\", "\\"}));
}

TEST(LogRecords, KeepWhatFollowsANul) {
  EXPECT_EQ(log_records(std::string_view("a\0b", 3)), Records{"a\\0b"});
}

}  // namespace
}  // namespace brine::apache

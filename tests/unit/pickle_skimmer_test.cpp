#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "pickle/skimmer.hpp"

namespace brine::pickle {
namespace {

using namespace std::string_view_literals;

class Names final : public KnownNames {
 public:
  bool knows(std::string_view module, std::string_view name) override {
    seen.push_back(std::string(module) + " " + std::string(name));
    return name != "Unknown";
  }
  std::vector<std::string> seen;
};

using Seen = std::vector<std::string>;

bool skim(std::string_view stream, Seen* seen = nullptr) {
  Names names;
  Skimmer skimmer;
  const bool clear = skimmer.skim(stream, names);
  if (seen != nullptr) *seen = names.seen;
  return clear;
}

TEST(Skimmer, ReadsNamesAsPickleWritesThem) {
  Seen seen;
  EXPECT_TRUE(
      skim("\x80\x04\x95\x01\0\0\0\0\0\0\0\x8c\x01m\x94\x8c\x01N\x94\x93\x94)\x81."sv, &seen));
  EXPECT_EQ(seen, Seen{"m N"});
  EXPECT_TRUE(skim("\x80\x02(cm\nN\nq\0ca.b\nC.D\nq\x01t."sv, &seen));
  EXPECT_EQ(seen, (Seen{"m N", "a.b C.D"}));
  EXPECT_TRUE(skim("(cm\nN\np0\nI1\ng0\nt."sv, &seen));
  EXPECT_EQ(seen, Seen{"m N"});
}

TEST(Skimmer, TakesNamesFromTheMemo) {
  Seen seen;
  EXPECT_TRUE(
      skim("\x80\x04]\x94(\x8c\x01m\x94\x8c\x01N\x94\x93\x94h\x01\x8c\x01O\x94\x93\x94"
           "j\x01\0\0\0h\x02\x93\x94"sv,
           &seen));
  EXPECT_EQ(seen, (Seen{"m N", "m O", "m N"}));
}

TEST(Skimmer, TakesNothingElseForAName) {
  EXPECT_FALSE(skim("\x80\x04\x8c\x01m\x94N\x93."sv)) << "None is no text";
  EXPECT_FALSE(skim("\x80\x04\x8c\x01m\x94\x8c\x01N0\x93."sv)) << "what POP leaves is not known";
  EXPECT_FALSE(skim("\x80\x04\x8c\x01m\x94h\x07\x93."sv)) << "there is no such entry";
  EXPECT_FALSE(skim("\x80\x04\x93."sv));
  EXPECT_FALSE(skim("\x80\x04]\x94\x8c\x01mh\0\x93."sv)) << "the entry is a list";
}

TEST(Skimmer, IsNotClearWhereEntriesHaveNumbersOfTheirOwn) {
  EXPECT_FALSE(skim("\x80\x04\x8c\x01mq\x05\x8c\x01N\x94h\0h\0\x93."sv));
}

TEST(Skimmer, IsNotClearWhereANameIsNotKnown) {
  EXPECT_FALSE(
      skim("\x80\x02"
           "cm\nUnknown\n."sv));
  EXPECT_FALSE(skim("\x80\x04\x8c\x01m\x94\x8c\x07Unknown\x94\x93."sv));
}

TEST(Skimmer, LeavesExtensionsAndInstancesToOthers) {
  EXPECT_FALSE(skim("\x80\x02\x82\x07."sv));
  EXPECT_FALSE(skim("(im\nN\n."sv));
}

TEST(Skimmer, IsNotClearWhereTheStreamEndsTooEarly) {
  for (const std::string_view cut :
       {"\x80"sv, "K"sv, "\x8c"sv, "\x8c\x02m"sv, "X\x01\0"sv, "cm\nN"sv, "cm"sv, "I1"sv, "h"sv,
        "\x95\x01"sv, "\x8e\xff\xff\xff\xff\xff\xff\xff\xff"sv}) {
    EXPECT_FALSE(skim(cut)) << std::string(cut);
    EXPECT_FALSE(skim(std::string("\x80\x04") + std::string(cut))) << std::string(cut);
  }
}

TEST(Skimmer, LeavesAMixtureOfProtocolsToOthers) {
  EXPECT_FALSE(
      skim("\x80\x04"
           "cm\nN\n."sv));
  EXPECT_FALSE(skim("\x80\x02\x8c\x01m\x94\x8c\x01N\x94\x93."sv));
}

TEST(Skimmer, ForgetsTheMemoOfAnotherStream) {
  Names names;
  Skimmer skimmer;
  EXPECT_TRUE(skimmer.skim("\x80\x04\x8c\x01m\x94\x8c\x01N\x94"sv, names));
  EXPECT_FALSE(skimmer.skim("\x80\x04h\0h\x01\x93"sv, names));
}

}  // namespace
}  // namespace brine::pickle

// Where sub-interpreters can have a GIL of their own, and what is said where they cannot.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "apache/config/own_gil.hpp"

namespace brine::apache {
namespace {

TEST(OwnGil, NeedsPython312) {
  for (const char* python : {"3.12", "3.13", "3.13t", "3.20", "4.0"}) {
    EXPECT_TRUE(has_own_gils(python)) << python;
  }
  for (const char* python : {"3.11", "3.9", "3.1", "2.13", "3", "", "x"}) {
    EXPECT_FALSE(has_own_gils(python)) << python;
  }
}

using Rules = engine::InterpreterRules;
using Name = std::optional<std::string>;

// A rule about an interpreter (without a name: about all) by which each has a GIL, or has none.
engine::InterpreterRule rule(const Name& application_group, bool wanted, const std::string& place) {
  engine::InterpreterOptions options;
  options.own_gil = {wanted, place};
  return {application_group, options};
}

TEST(OwnGil, NamesAllWhoCannotByDirective) {
  const Rules all = {rule(std::nullopt, true, "On (a.conf:3)")};
  const Rules more = {rule(std::nullopt, true, "On (a.conf:3)"),
                      rule("one", true, "On (b.conf:7)")};
  const auto sentences = without_own_gil({{"httpd's own processes", "3.11", all},
                                          {"daemon group 'new'", "3.12", more},
                                          {"daemon group 'old'", "3.10", more}});
  ASSERT_EQ(sentences.size(), 2U);
  EXPECT_TRUE(sentences[0].starts_with(
      "On (a.conf:3) has no effect for httpd's own processes (Python 3.11), daemon group 'old' "
      "(Python 3.10): before Python 3.12"))
      << sentences[0];
  EXPECT_TRUE(
      sentences[1].starts_with("On (b.conf:7) has no effect for daemon group 'old' (Python "))
      << sentences[1];
}

TEST(OwnGil, SaysNothingWhereAllCanOrNoneIsAsked) {
  const Rules on = {rule(std::nullopt, true, "On")};
  const Rules overruled = {rule(std::nullopt, true, "On"), rule(std::nullopt, false, "Off")};
  EXPECT_TRUE(without_own_gil({{"httpd's own processes", "3.13", on}}).empty());
  EXPECT_TRUE(without_own_gil({{"httpd's own processes", "3.11", overruled}}).empty());
  EXPECT_TRUE(without_own_gil({{"httpd's own processes", "3.11", {}}}).empty());
  EXPECT_TRUE(without_own_gil({}).empty());
}

TEST(OwnGil, TheMainInterpreterHasNone) {
  const Rules main = {rule("", true, "On (a.conf:9)")};
  for (const char* python : {"3.11", "3.13"}) {
    const auto sentences = without_own_gil({{"here", python, main}, {"there", python, main}});
    ASSERT_EQ(sentences.size(), 1U) << python;
    EXPECT_TRUE(
        sentences[0].starts_with("On (a.conf:9) has no effect for application group %{GLOBAL}"))
        << sentences[0];
  }
  EXPECT_TRUE(without_own_gil({{"here", "3.13", {rule("", false, "Off")}}}).empty());
}

}  // namespace
}  // namespace brine::apache

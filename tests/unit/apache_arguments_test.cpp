#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/arguments.hpp"

namespace brine::apache {
namespace {

constexpr AllowedOptions kAll{.callable = true, .pass_authorization = true};

ScriptOptions parse(std::string_view text, AllowedOptions allowed = kAll) {
  Words words(text);
  return parse_script_options(words, allowed);
}

// What the parser says about a text that it refuses.
template <class Parse>
std::string refusal(Parse parse) {
  try {
    parse();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}

TEST(Words, MayBeQuoted) {
  Words words("  a=plain b=\"two words\"\tc='other quotes' ");
  EXPECT_EQ(words.next_option().second, "plain");
  EXPECT_EQ(words.next_option().second, "two words");
  EXPECT_EQ(words.next_option().second, "other quotes");
  EXPECT_TRUE(words.done());
}

TEST(ScriptOptions, AreParsed) {
  const ScriptOptions options = parse(
      " process-group=%{GLOBAL} application-group=\"a b\" callable-object='app' "
      "pass-authorization=on");
  EXPECT_EQ(options.process_group, "");
  EXPECT_EQ(options.application_group, "a b");
  EXPECT_EQ(options.callable, "app");
  EXPECT_EQ(options.pass_authorization, true);
}

TEST(ScriptOptions, LaterDuplicateWins) {
  EXPECT_EQ(parse("application-group=a application-group=b").application_group, "b");
}

TEST(ScriptOptions, AreAbsentUnlessGiven) {
  const ScriptOptions options = parse("  ");
  EXPECT_FALSE(options.process_group || options.application_group || options.callable ||
               options.pass_authorization);
}

TEST(ScriptOptions, RefusalsNameTheOption) {
  EXPECT_EQ(refusal([] { parse("foo=1"); }),
            "has the unknown option 'foo'; there are process-group=, application-group=, "
            "callable-object=, pass-authorization=");
  EXPECT_EQ(refusal([] { parse("callable-object=x", {}); }),
            "has the unknown option 'callable-object'; there are process-group=, "
            "application-group=");
  EXPECT_EQ(refusal([] { parse("proces-gruop=x"); }),
            "has the unknown option 'proces-gruop'; did you mean 'process-group'?");
  EXPECT_EQ(refusal([] { parse("application-group="); }),
            "has an empty value for the option 'application-group'");
  EXPECT_EQ(refusal([] { parse("word x=1"); }),
            "has the argument 'word', where an option of the form name=value is expected");
  EXPECT_EQ(refusal([] { parse("=1"); }),
            "has the argument '=1', where an option of the form name=value is expected");
  EXPECT_EQ(refusal([] { parse("application-group='abc"); }),
            "has an unterminated quote in ''abc'");
  EXPECT_EQ(refusal([] { parse("application-group='a'b"); }), "needs a blank after the quoted 'a'");
  EXPECT_EQ(refusal([] { parse("pass-authorization=1"); }),
            "has the option 'pass-authorization', which must be On or Off, not '1'");
}

TEST(Group, GlobalIsTheEmptyName) {
  EXPECT_EQ(parse_group("%{GLOBAL}"), "");
  EXPECT_EQ(parse_group("%{ENV:GROUP}"), "%{ENV:GROUP}");
  EXPECT_EQ(parse_group("site"), "site");
}

TEST(Flag, IsOnOrOffInAnyCase) {
  EXPECT_TRUE(parse_flag("oN"));
  EXPECT_FALSE(parse_flag("OFF"));
  EXPECT_EQ(refusal([] { parse_flag("yes"); }), "must be On or Off, not 'yes'");
  EXPECT_THROW(parse_flag(""), std::invalid_argument);
}

TEST(ScriptReloading, NamesItsThreeWords) {
  using wsgi::Reloading;
  EXPECT_EQ(parse_script_reloading("rolling"), Reloading::rolling);
  EXPECT_EQ(parse_script_reloading("ON"), Reloading::fresh_process);
  EXPECT_EQ(refusal([] { parse_script_reloading("x"); }), "must be On, Off or Rolling, not 'x'");
}

TEST(HeadMapping, NamesItsThreeWords) {
  EXPECT_EQ(parse_head_mapping("auto"), HeadMapping::automatic);
  EXPECT_EQ(refusal([] { parse_head_mapping("x"); }), "must be Auto, On or Off, not 'x'");
}

TEST(Number, IsWholeAndInRange) {
  EXPECT_EQ(parse_number("12", 0, 64), 12);
  for (const char* bad : {"", "5abc", "1m", "-1", "65", "99999999999999999999"}) {
    EXPECT_THROW(parse_number(bad, 0, 64), std::invalid_argument) << bad;
  }
}

TEST(Buffering, IsASizeOrOff) {
  EXPECT_EQ(parse_buffering("off"), 0);
  EXPECT_EQ(parse_buffering("0"), 0);
  EXPECT_EQ(parse_buffering("512K"), 512 << 10);
  EXPECT_EQ(parse_buffering("10M"), 10 << 20);
  for (const char* bad : {"", "On", "-1", "10X", "2048G", "99999999999999999999"}) {
    EXPECT_THROW(parse_buffering(bad), std::invalid_argument) << bad;
  }
}

TEST(PickleGuard, IsAPolicyAndHowManyDumpsAreChecked) {
  EXPECT_EQ(parse_pickle_guard("off").policy, pickle::Policy::off);
  EXPECT_EQ(parse_pickle_guard("Report").sample, 0U);
  EXPECT_EQ(parse_pickle_guard(" enforce  sample=\"1000\" ").policy, pickle::Policy::enforce);
  EXPECT_EQ(parse_pickle_guard("Report sample=1000000000").sample, 1'000'000'000U);
  EXPECT_EQ(refusal([] { parse_pickle_guard("Off sample=9"); }),
            "takes sample= with Report or Enforce, not with Off");
  EXPECT_EQ(refusal([] { parse_pickle_guard("Report sample=0"); }),
            "needs a whole number from 1 to 1000000000 for sample=, not '0'");
}

TEST(ChunkedRequest, IsOneOfThree) {
  EXPECT_EQ(parse_chunked_request("on"), ChunkedRequest::on);
  EXPECT_EQ(parse_chunked_request("Off"), ChunkedRequest::off);
  EXPECT_EQ(parse_chunked_request("STREAM"), ChunkedRequest::stream);
  EXPECT_THROW(parse_chunked_request("Yes"), std::invalid_argument);
}

TEST(HashSeed, IsRandomOrANumber) {
  EXPECT_EQ(parse_hash_seed("Random"), "random");
  EXPECT_EQ(parse_hash_seed("0"), "0");
  EXPECT_EQ(parse_hash_seed("4294967295"), "4294967295");
  EXPECT_THROW(parse_hash_seed("4294967296"), std::invalid_argument);
}

TEST(PythonVersion, HasTwoNumbers) {
  EXPECT_EQ(parse_python_version("3.12"), "3.12");
  EXPECT_EQ(parse_python_version("3.13t"), "3.13t") << "a free-threaded build";
  for (const char* bad :
       {"3", "3.", ".3", "3.12.1", "python3.12", "3.12 ", "3.t", "t", "3.13tt", "3.13T", "3.13d"}) {
    EXPECT_THROW(parse_python_version(bad), std::invalid_argument) << bad;
  }
}

TEST(PathList, DropsEmptyEntries) {
  EXPECT_EQ(parse_path_list("/a::/b:"), (std::vector<std::string>{"/a", "/b"}));
  EXPECT_TRUE(parse_path_list("").empty());
}

TEST(Arguments, ATimeOfASlowRequestIsOffOrADayAtMost) {
  EXPECT_EQ(parse_slow_request("off"), 0);
  EXPECT_EQ(parse_slow_request("2"), 2000);
  EXPECT_EQ(parse_slow_request("500ms"), 500);
  EXPECT_EQ(parse_slow_request("86400"), 86400000);
  for (const char* bad : {"", "0", "-1", "86401", "2 s", "On"}) {
    EXPECT_THROW(parse_slow_request(bad), std::invalid_argument) << bad;
  }
}

TEST(Arguments, AHeaderNameIsAToken) {
  EXPECT_EQ(parse_header_name("X-Request-Id"), "X-Request-Id");
  EXPECT_EQ(parse_header_name("OFF"), "");
  for (const char* bad : {"", "X Request", "X:", "\"X\"", "\xc3\xa9"}) {
    EXPECT_THROW(parse_header_name(bad), std::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace brine::apache

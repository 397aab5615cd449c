// Which options the interpreters of a process have: the order of the rules, and what one takes.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "apache/config/interpreter_options.hpp"
#include "boundary/interpreter_options.hpp"

namespace brine::apache {
namespace {

using engine::InterpreterOptions;

using Name = std::optional<std::string_view>;
constexpr Name kAll = std::nullopt;

// Options that tell where they come from: the number by the interval, the letter by the directory.
InterpreterOptions said(int number, const std::string& directory) {
  InterpreterOptions options;
  if (number != 0) options.switch_interval = {static_cast<double>(number), "here"};
  if (!directory.empty()) options.python_path = {{directory, "here"}};
  return options;
}

// Sections of all kinds, the most specific first.
InterpreterSettings all_kinds() {
  return {said(1, "outside"),
          {{"shop", "one", said(7, "both")},
           {"", "", said(8, "main")},
           {"shop", kAll, said(4, "group")},
           {kAll, "one", said(5, "interpreter")},
           {"", kAll, said(6, "embedded")},
           {kAll, kAll, said(2, "all")},
           {kAll, kAll, said(3, "again")}}};
}

struct Case {
  std::string_view group;
  Name application_group;
  int interval;
  std::string path;
};

TEST(InterpreterRules, TheMoreSpecificSectionCountsMoreThenTheLaterOne) {
  const Case cases[] = {
      {"shop", "one", 7, "both interpreter group again all outside"},
      {"shop", "two", 4, "group again all outside"},
      {"shop", "", 4, "group again all outside"},
      {"shop", kAll, 4, "group again all outside"},
      {"wiki", "one", 5, "interpreter again all outside"},
      {"wiki", kAll, 3, "again all outside"},
      {"", "", 8, "main embedded again all outside"},
      {"", "one", 6, "embedded interpreter again all outside"},
      {"", kAll, 6, "embedded again all outside"},
  };
  for (const Case& each : cases) {
    const auto rules = interpreter_rules(all_kinds(), {each.group});
    const InterpreterOptions found = options_of(rules, each.application_group);
    std::string path;
    for (const engine::SearchPath& entry : found.python_path) {
      path += (path.empty() ? "" : " ") + entry.directory;
    }
    EXPECT_EQ(found.switch_interval->seconds, each.interval) << each.path;
    EXPECT_EQ(path, each.path);
  }
}

TEST(InterpreterRules, EachOptionIsLookedUpByItself) {
  InterpreterSettings settings;
  settings.outside.restrict_stdin = true;
  settings.outside.restrict_signal = false;
  settings.sections = {{kAll, "one", {}}, {kAll, kAll, {}}, {"", "one", {}}};
  settings.sections[0].options.restrict_stdin = false;
  settings.sections[1].options.restrict_stdout = true;
  settings.sections[2].options.restrict_signal = true;
  const auto rules = interpreter_rules(settings, {});
  const InterpreterOptions one = options_of(rules, "one");
  EXPECT_EQ(one.restrict_stdin, false);
  EXPECT_EQ(one.restrict_stdout, true);
  EXPECT_EQ(one.restrict_signal, true);
  EXPECT_FALSE(one.switch_interval);
  const InterpreterOptions two = options_of(rules, "two");
  EXPECT_EQ(two.restrict_stdin, true);
  EXPECT_EQ(two.restrict_signal, false);
  EXPECT_FALSE(engine::options_of({}, "one").restrict_signal);
}

std::string path_of(const RuledProcesses& processes, Name application_group) {
  std::string path;
  const auto rules = interpreter_rules(all_kinds(), processes);
  for (const auto& entry : options_of(rules, application_group).python_path) {
    path += (path.empty() ? "" : " ") + entry.directory;
  }
  return path;
}

TEST(InterpreterRules, AGroupsOwnOptionsAreNearerThanSectionsWithOneSelector) {
  const RuledProcesses shop{"shop", said(9, "own")};
  const auto rules = interpreter_rules(all_kinds(), shop);
  EXPECT_EQ(options_of(rules, "two").switch_interval->seconds, 9);
  EXPECT_EQ(options_of(rules, "one").switch_interval->seconds, 7);
  EXPECT_EQ(path_of(shop, "one"), "both own interpreter group again all");
  EXPECT_EQ(path_of({"shop", said(9, "")}, "two"), "group again all outside");
}

TEST(InterpreterRules, DirectoriesOfAnotherPythonAreThoseThatNameTheGroup) {
  EXPECT_EQ(path_of({"shop", {}, true}, "one"), "both group");
  EXPECT_EQ(path_of({"shop", said(0, "own"), true}, "two"), "own group");
  EXPECT_EQ(path_of({"wiki", {}, true}, "one"), "");
  EXPECT_EQ(options_of(interpreter_rules(all_kinds(), {"wiki", {}, true}), "one")
                .switch_interval->seconds,
            5);
}

}  // namespace
}  // namespace brine::apache

#include "apache/config/interpreter_options.hpp"

#include <string>
#include <utility>

namespace brine::apache {

using engine::InterpreterOptions;
using engine::InterpreterRules;

namespace {

int selectors_of(const OptionsSection& section) {
  return (section.process_group ? 1 : 0) + (section.application_group ? 1 : 0);
}

// Adds the sections with so many selectors that are about these processes.
void add_sections(InterpreterRules& rules, const InterpreterSettings& settings,
                  const RuledProcesses& processes, int selectors) {
  for (const OptionsSection& section : settings.sections) {
    const std::optional<std::string_view>& group = section.process_group;
    if (selectors_of(section) != selectors || (group && group != processes.group)) continue;
    InterpreterOptions options = section.options;
    if (!group && processes.other_python) options.python_path.clear();
    rules.push_back({std::optional<std::string>(section.application_group), std::move(options)});
  }
}

}  // namespace

InterpreterRules interpreter_rules(const InterpreterSettings& settings,
                                   const RuledProcesses& processes) {
  InterpreterOptions outside = settings.outside;
  if (processes.other_python || !processes.own.python_path.empty()) outside.python_path.clear();
  InterpreterRules rules = {{std::nullopt, std::move(outside)}};
  add_sections(rules, settings, processes, 0);
  add_sections(rules, settings, processes, 1);
  rules.push_back({std::nullopt, processes.own});
  add_sections(rules, settings, processes, 2);
  return rules;
}

}  // namespace brine::apache

// InterpreterSettings is what the configuration says of interpreters. Here its rules for the
// processes of a group are put in order. Pure.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "boundary/interpreter_options.hpp"

namespace brine::apache {

/// A section <WSGIInterpreterOptions>.
struct OptionsSection {
  std::optional<std::string_view> process_group;      ///< absent: all; empty: httpd's own processes
  std::optional<std::string_view> application_group;  ///< absent: all; empty: the main interpreter
  engine::InterpreterOptions options = {};
};

/// All directives about interpreters.
struct InterpreterSettings {
  engine::InterpreterOptions outside;    ///< those that stand in no such section
  std::vector<OptionsSection> sections;  ///< in the configuration's order
};

/// The processes that rules are made for.
struct RuledProcesses {
  std::string_view group = {};          ///< empty: httpd's own
  engine::InterpreterOptions own = {};  ///< what the group's WSGIDaemonProcess says itself
  /// They run another Python than httpd's own processes. Directories whose directive does not name
  /// the group are not for that one.
  bool other_python = false;
};

/// Returns the rules from the least to the most specific: what stands outside sections, sections
/// without selectors, those with one, the group's own options, sections with both selectors. Of two
/// that are equally specific the later one in the configuration counts more. A group's own
/// directories replace those that stand outside sections.
engine::InterpreterRules interpreter_rules(const InterpreterSettings& settings,
                                           const RuledProcesses& processes);

}  // namespace brine::apache

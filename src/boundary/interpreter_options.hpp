// InterpreterOptions is what the configuration says of Python's interpreters. httpd's side sends
// the rules of a process, and the engine takes from them what holds for each interpreter it makes.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brine::engine {

/// A directory for sys.path.
struct SearchPath {
  std::string directory;
  std::string origin;  ///< the directive that names it, with file and line
};

/// The time for which a thread may keep the GIL from others.
struct SwitchInterval {
  double seconds = 0;
  std::string origin = {};  ///< the directive that gives it, with file and line
};

/// The word on whether sub-interpreters have a GIL each (PEP 684).
struct OwnGil {
  bool wanted = false;
  std::string origin = {};  ///< the directive that says so, with file and line
};

/// Options of interpreters. What is absent is left to less specific options, then to the default.
struct InterpreterOptions {
  std::optional<SwitchInterval> switch_interval;  ///< WSGISwitchInterval; default: the engine's
  std::optional<OwnGil> own_gil;                  ///< WSGIPerInterpreterGIL; default: not wanted
  std::optional<bool> restrict_stdin;             ///< WSGIRestrictStdin; default: false
  std::optional<bool> restrict_stdout;            ///< WSGIRestrictStdout; default: false
  std::optional<bool> restrict_signal;            ///< WSGIRestrictSignal; default: true
  std::vector<SearchPath> python_path;            ///< WSGIPythonPath, for the front of sys.path
};

/// Options, and the interpreters of a process that have them.
struct InterpreterRule {
  std::optional<std::string> application_group;  ///< absent: all; empty: the main interpreter
  InterpreterOptions options;
};

/// The rules of one process, from the least to the most specific.
using InterpreterRules = std::vector<InterpreterRule>;

/// Takes each option that `over` gives; its directories come before those that are there.
inline void lay_over(InterpreterOptions& options, const InterpreterOptions& over) {
  const auto take = [](auto& option, const auto& given) {
    if (given) option = given;
  };
  take(options.switch_interval, over.switch_interval);
  take(options.own_gil, over.own_gil);
  take(options.restrict_stdin, over.restrict_stdin);
  take(options.restrict_stdout, over.restrict_stdout);
  take(options.restrict_signal, over.restrict_signal);
  std::vector<SearchPath>& path = options.python_path;
  path.insert(path.begin(), over.python_path.begin(), over.python_path.end());
}

/// Returns what holds for the interpreter of an application group; without a name, what holds for
/// the process, by the rules that name no application group.
inline InterpreterOptions options_of(const InterpreterRules& rules,
                                     std::optional<std::string_view> application_group) {
  InterpreterOptions options;
  for (const InterpreterRule& rule : rules) {
    if (!rule.application_group || rule.application_group == application_group) {
      lay_over(options, rule.options);
    }
  }
  return options;
}

/// Returns the directives by which sub-interpreters of the process have GILs of their own: of those
/// that rules name, and of any other. A directive that a more specific one overrules is not there.
inline std::vector<std::string> reasons_for_own_gils(const InterpreterRules& rules) {
  std::vector<std::string> reasons;
  const auto consider = [&](std::optional<std::string_view> application_group) {
    const std::optional<OwnGil> own_gil = options_of(rules, application_group).own_gil;
    if (!own_gil || !own_gil->wanted) return;
    if (std::find(reasons.begin(), reasons.end(), own_gil->origin) == reasons.end()) {
      reasons.push_back(own_gil->origin);
    }
  };
  consider(std::nullopt);
  for (const InterpreterRule& rule : rules) {
    const bool is_of_sub_interpreter = rule.application_group && !rule.application_group->empty();
    if (is_of_sub_interpreter) consider(rule.application_group);
  }
  return reasons;
}

}  // namespace brine::engine

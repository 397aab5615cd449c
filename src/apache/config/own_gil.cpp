#include "apache/config/own_gil.hpp"

#include <charconv>
#include <map>
#include <set>
#include <system_error>

namespace brine::apache {

namespace {

bool is_about_main(const engine::InterpreterRule& rule) {
  return rule.application_group == "" && rule.options.own_gil && rule.options.own_gil->wanted;
}

std::string of_earlier_python(const std::string& directive, const std::string& processes) {
  return directive + " has no effect for " + processes +
         ": before Python 3.12 all interpreters of a process share one GIL; run a later Python by "
         "WSGIPython or the group's python=, or give the group more processes";
}

std::string of_main_interpreter(const std::string& directive) {
  return directive +
         " has no effect for application group %{GLOBAL}, the main interpreter, whose GIL is that "
         "of its process: "
         "name another group in the section's application-group=, and by WSGIApplicationGroup";
}

}  // namespace

bool has_own_gils(std::string_view python) {
  int major = 0;
  int minor = 0;
  const char* const end = python.data() + python.size();
  const auto [dot, error] = std::from_chars(python.data(), end, major);
  if (error != std::errc() || dot == end) {
    return false;
  }
  std::from_chars(dot + 1, end, minor);
  return major > 3 || (major == 3 && minor >= 12);
}

std::vector<std::string> without_own_gil(const std::vector<PythonRunner>& runners) {
  std::map<std::string, std::string> concerned;  // by the directive
  std::set<std::string> of_main;
  for (const PythonRunner& runner : runners) {
    for (const engine::InterpreterRule& rule : runner.rules) {
      if (is_about_main(rule)) of_main.insert(rule.options.own_gil->origin);
    }
    if (has_own_gils(runner.python)) continue;
    for (const std::string& directive : engine::reasons_for_own_gils(runner.rules)) {
      std::string& names = concerned[directive];
      names.append(names.empty() ? "" : ", ")
          .append(runner.name + " (Python " + runner.python + ")");
    }
  }
  std::vector<std::string> sentences;
  sentences.reserve(concerned.size() + of_main.size());
  for (const auto& [directive, names] : concerned) {
    sentences.push_back(of_earlier_python(directive, names));
  }
  for (const std::string& directive : of_main) sentences.push_back(of_main_interpreter(directive));
  return sentences;
}

}  // namespace brine::apache

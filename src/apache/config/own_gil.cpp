#include "apache/config/own_gil.hpp"

#include <charconv>
#include <system_error>

namespace brine::apache {

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

std::string without_own_gil(const std::string& directive,
                            const std::vector<PythonRunner>& runners) {
  std::string concerned;
  for (const PythonRunner& runner : runners) {
    if (has_own_gils(runner.python)) continue;
    concerned.append(concerned.empty() ? "" : ", ")
        .append(runner.name + " (Python " + runner.python + ")");
  }
  if (concerned.empty()) {
    return {};
  }
  return directive + " has no effect for " + concerned +
         ": before Python 3.12 all interpreters of a process share one GIL; run a later Python by "
         "WSGIPython or the group's python=, or give the group more processes";
}

}  // namespace brine::apache

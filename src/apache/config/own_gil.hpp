// Tells where sub-interpreters cannot have a GIL of their own. Uses neither httpd nor Python.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::apache {

/// Processes that run Python, as messages name them, and the X.Y of their engine.
struct PythonRunner {
  std::string name;
  std::string python;
};

/// Returns true if sub-interpreters of this Python ("3.12") can have a GIL of their own (PEP 684).
bool has_own_gils(std::string_view python);

/// Returns a sentence on those for whom WSGIPerInterpreterGIL On, which `directive` names with its
/// place, has no effect; empty if it has an effect for all.
std::string without_own_gil(const std::string& directive, const std::vector<PythonRunner>& runners);

}  // namespace brine::apache

// Tells where sub-interpreters cannot have a GIL of their own. Uses neither httpd nor Python.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "boundary/interpreter_options.hpp"

namespace brine::apache {

/// Processes that run Python, as messages name them, with the X.Y of their engine.
struct PythonRunner {
  std::string name;
  std::string python;
  engine::InterpreterRules rules;
};

/// Returns true if sub-interpreters of this Python ("3.12") can have a GIL of their own (PEP 684).
bool has_own_gils(std::string_view python);

/// Returns a sentence on each WSGIPerInterpreterGIL On that has no effect for some of the
/// processes: their Python cannot do it, or the directive is about the main interpreter.
std::vector<std::string> without_own_gil(const std::vector<PythonRunner>& runners);

}  // namespace brine::apache

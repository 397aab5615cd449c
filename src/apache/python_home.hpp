// WSGIPythonHome: what it names, and whether the engine's Python can live there.
#pragma once

#include <string>
#include <vector>

#include "apache/access.hpp"

namespace brine::apache {

/// What the engine is to start Python with; one of the two is set.
struct PythonHome {
  std::string program;  ///< python of a virtual environment
  std::string home;     ///< prefix of an installation
};

/// What WSGIPythonHome is judged by.
struct HomeCircumstances {
  std::string version;                 ///< X.Y of the engine that will be loaded
  std::vector<std::string> available;  ///< X.Y of all engines that are installed
  Identity identity;                   ///< of the processes that run Python
};

/// `given` is absolute and names a virtual environment by its root, its bin/ or its python, or a
/// Python by its prefix. Throws std::invalid_argument with a clause that follows "WSGIPythonHome"
/// and says what is wrong and what to do.
PythonHome resolve_python_home(const std::string& given, const HomeCircumstances& circumstances);

}  // namespace brine::apache

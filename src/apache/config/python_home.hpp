// Finds what WSGIPythonHome and python-home= name, and whether the engine's Python can use it.
#pragma once

#include <string>
#include <vector>

#include "apache/config/access.hpp"

namespace brine::apache {

/// The home that the engine starts Python with; one of the two members is set.
struct PythonHome {
  std::string program;  ///< python of a virtual environment
  std::string home;     ///< prefix of an installation
};

/// The facts by which a Python home is judged, and words for messages.
struct HomeCircumstances {
  std::string version;                  ///< X.Y of the engine that will be loaded
  std::vector<std::string> available;   ///< X.Y of all engines that are installed
  Identity identity;                    ///< of the processes that run Python
  std::string runner = "httpd";         ///< the processes that will run it, for messages
  std::string chooser = "WSGIPython ";  ///< the words before the version that is to be set
  std::string user = "the user that httpd's processes run as";
};

/// Returns the X.Y of the first of `wanted` for which `given` names a library, else any for which
/// it does; empty if there is none.
std::string version_of_home(const std::string& given, const std::vector<std::string>& wanted);

/// Resolves `given`, which is absolute and names a virtual environment by its root, its bin/ or its
/// python, or a Python by its prefix. Throws std::invalid_argument with a clause that follows the
/// setting's name and says what is wrong and what to do.
PythonHome resolve_python_home(const std::string& given, const HomeCircumstances& circumstances);

/// Checks `given`, the PYTHONHOME of httpd's environment ("prefix" or "prefix:exec_prefix"), which
/// every Python without a chosen home obeys. Throws std::invalid_argument with such a clause if
/// Python could not start with it.
void check_environment_home(const std::string& given, const HomeCircumstances& circumstances);

}  // namespace brine::apache

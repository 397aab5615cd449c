// WSGIPythonHome and python-home=: what they name, and whether the engine's Python can live there.
#pragma once

#include <string>
#include <vector>

#include "apache/config/access.hpp"

namespace brine::apache {

/// What the engine is to start Python with; one of the two is set.
struct PythonHome {
  std::string program;  ///< python of a virtual environment
  std::string home;     ///< prefix of an installation
};

/// What a Python home is judged by, and the words in which it is.
struct HomeCircumstances {
  std::string version;                  ///< X.Y of the engine that will be loaded
  std::vector<std::string> available;   ///< X.Y of all engines that are installed
  Identity identity;                    ///< of the processes that run Python
  std::string runner = "httpd";         ///< who will run it, for messages
  std::string chooser = "WSGIPython ";  ///< what stands before the version that is to be added
  std::string user = "the user that httpd's processes run as";
};

/// The X.Y of the first of `wanted` for which there is a library in what `given` names, else any
/// for which there is one; empty if there is none.
std::string version_of_home(const std::string& given, const std::vector<std::string>& wanted);

/// `given` is absolute and names a virtual environment by its root, its bin/ or its python, or a
/// Python by its prefix. Throws std::invalid_argument with a clause that follows the setting's name
/// and says what is wrong and what to do.
PythonHome resolve_python_home(const std::string& given, const HomeCircumstances& circumstances);

/// `given` is PYTHONHOME in httpd's environment, which every Python obeys that no home is chosen
/// for: "prefix" or "prefix:exec_prefix". Throws std::invalid_argument, likewise, where Python
/// could not start with it.
void check_environment_home(const std::string& given, const HomeCircumstances& circumstances);

}  // namespace brine::apache

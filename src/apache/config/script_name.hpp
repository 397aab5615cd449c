// Rules of the names that scripts have (WSGIScriptName, and name= of an alias). No httpd.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::apache {

/// Returns the name. Throws std::invalid_argument with a clause that follows the directive's name,
/// unless it is a Python identifier of ASCII letters, digits and '_' that no keyword and no module
/// of Python's own is called.
std::string_view parse_script_name(std::string_view text);

/// Throws std::invalid_argument unless the path is absolute and without "//", "." and "..", as
/// requests have it: the name is that of one path.
void check_named_path(std::string_view path);

/// A name, and the script that a directive gives it to.
struct NameGiven {
  std::string_view name;
  std::string_view script;
  std::string origin;  ///< the directive, with file and line
};

/// Returns a sentence about each later name that does not fit an earlier one: a name means one
/// script, and a script has one name. The same pair may be given several times, as copied virtual
/// hosts do.
std::vector<std::string> conflicts(const std::vector<NameGiven>& names);

/// Returns the file or folder that Python would take for the module of that name, of the first
/// folder that has one; empty: there is none. BLOCKS.
std::string module_in(const std::vector<std::string>& folders, std::string_view name);

}  // namespace brine::apache

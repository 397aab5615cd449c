// Rules of URL paths. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace brine::apache {

/// Returns how many characters of `uri` the prefix `alias` matches, or 0. A run of '/' matches any
/// run of '/'. The match ends where a segment of the URI ends; an alias that ends with '/' needs
/// one there.
std::size_t match_prefix(std::string_view alias, std::string_view uri);

/// Returns SCRIPT_NAME, which is `uri` without its end `path_info`, however its slashes are
/// doubled.
std::string_view script_name(std::string_view uri, std::string_view path_info);

/// Returns %{RESOURCE} for a script that an alias of the prefix `url` mapped to `target`:
/// SCRIPT_NAME as the configuration and the file system spell it. `file` is `target`, a file below
/// it, or a file that `target` continues behind.
std::string resource_of_prefix(std::string_view url, std::string_view target,
                               std::string_view file);

/// Returns %{RESOURCE} for a script that a regular expression mapped: the expression and the file,
/// since the client decides SCRIPT_NAME.
std::string resource_of_expression(std::string_view expression, std::string_view file);

/// Returns %{RESOURCE} for a script without an alias: SCRIPT_NAME if it leads to the file below
/// `root`, the server's DocumentRoot. Otherwise something else chose the file, perhaps by what a
/// client sends, and several files may have one SCRIPT_NAME, so the file is returned.
std::string resource_of_file(std::string_view script_name, std::string_view file,
                             std::string_view root);

/// Returns true if `path` holds "//".
inline bool has_double_slash(std::string_view path) {
  return path.find("//") != std::string_view::npos;
}

/// Returns `path` with each run of '/' replaced by one.
std::string collapse_slashes(std::string_view path);

}  // namespace brine::apache

// Rules of URL paths. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace brine::apache {

/// How many characters of `uri` the prefix `alias` matches, or 0. A run of '/' matches any run of
/// '/'; the match ends where a segment of the URI ends, and an alias that ends with '/' demands it.
std::size_t match_prefix(std::string_view alias, std::string_view uri);

/// SCRIPT_NAME: what is left of `uri` without its end `path_info`, however its slashes are doubled.
std::string_view script_name(std::string_view uri, std::string_view path_info);

/// How %{RESOURCE} names a script that an alias of the prefix `url` mapped to `target`: by
/// SCRIPT_NAME, as that is spelt in the configuration and in the file system. `file` is `target`, a
/// file below it, or what `target` puts a path behind.
std::string resource_of_prefix(std::string_view url, std::string_view target,
                               std::string_view file);

/// Likewise, where a regular expression did: by that and by the file, since SCRIPT_NAME is what the
/// client made of it.
std::string resource_of_expression(std::string_view expression, std::string_view file);

/// Likewise, where no alias did: by SCRIPT_NAME if it leads to that file below `root`, the server's
/// DocumentRoot. Else something else chose the file, perhaps by what a client sends, and one
/// SCRIPT_NAME may be that of several: by the file.
std::string resource_of_file(std::string_view script_name, std::string_view file,
                             std::string_view root);

/// Whether `path` holds "//".
inline bool has_double_slash(std::string_view path) {
  return path.find("//") != std::string_view::npos;
}

/// `path` with each run of '/' made one.
std::string collapse_slashes(std::string_view path);

}  // namespace brine::apache

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

/// Whether `path` holds "//".
inline bool has_double_slash(std::string_view path) {
  return path.find("//") != std::string_view::npos;
}

/// `path` with each run of '/' made one.
std::string collapse_slashes(std::string_view path);

}  // namespace brine::apache

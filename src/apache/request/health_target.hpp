// Finds the process group whose health is asked for. A pure function.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace brine::apache {

/// Returns the name that follows the section's path in the URL path: "shop" of /brine-health/shop
/// in <Location "/brine-health">; empty: all groups. If the section's path is no prefix, as that of
/// a <LocationMatch>, the name is the path's last segment.
inline std::string_view health_target(std::string_view path, std::string_view section) {
  while (section.ends_with('/')) section.remove_suffix(1);
  const bool is_within = !section.empty() && path.starts_with(section) &&
                         (path.size() == section.size() || path[section.size()] == '/');
  const std::size_t last = path.rfind('/');
  path.remove_prefix(is_within ? section.size() : last != std::string_view::npos ? last : 0);
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  while (path.ends_with('/')) path.remove_suffix(1);
  return path;
}

}  // namespace brine::apache

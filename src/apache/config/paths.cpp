#include "apache/config/paths.hpp"

namespace brine::apache {

namespace {

// Returns the end of the run of '/' that begins at `at`.
std::size_t skip_slashes(std::string_view path, std::size_t at) {
  while (at < path.size() && path[at] == '/') {
    ++at;
  }
  return at;
}

// Returns the start of the run of '/' that ends before `end`.
std::size_t skip_slashes_back(std::string_view path, std::size_t end) {
  while (end > 0 && path[end - 1] == '/') {
    --end;
  }
  return end;
}

}  // namespace

std::size_t match_prefix(std::string_view alias, std::string_view uri) {
  std::size_t a = 0;
  std::size_t u = 0;
  while (a < alias.size()) {
    if (u == uri.size() || alias[a] != uri[u]) {
      return 0;
    }
    if (alias[a] == '/') {
      a = skip_slashes(alias, a);
      u = skip_slashes(uri, u);
    } else {
      ++a;
      ++u;
    }
  }
  const bool segment_ends = alias.ends_with('/') || u == uri.size() || uri[u] == '/';
  return segment_ends ? u : 0;
}

std::string_view script_name(std::string_view uri, std::string_view path_info) {
  std::size_t u = uri.size();
  std::size_t p = path_info.size();
  while (u > 0 && p > 0 && uri[u - 1] == path_info[p - 1]) {
    if (uri[u - 1] == '/') {
      u = skip_slashes_back(uri, u);
      p = skip_slashes_back(path_info, p);
    } else {
      --u;
      --p;
    }
  }
  // If the path info was rewritten, only its end is found. A segment is never cut in two.
  return uri.substr(0, uri.find('/', u));
}

std::string resource_of_prefix(std::string_view url, std::string_view target,
                               std::string_view file) {
  url = url.substr(0, skip_slashes_back(url, url.size()));
  target = target.substr(0, skip_slashes_back(target, target.size()));
  if (file.starts_with(target)) {
    return collapse_slashes(std::string(url).append(file.substr(target.size())));
  }
  // The target continues behind the file, so a part of it is PATH_INFO of each request, and its
  // SCRIPT_NAME may be that of other files.
  const std::string_view more = target.starts_with(file) ? target.substr(file.size()) : "";
  return collapse_slashes(script_name(url, more)).append("|").append(file);
}

std::string resource_of_expression(std::string_view expression, std::string_view file) {
  return std::string(expression).append("|").append(file);
}

std::string resource_of_file(std::string_view script_name, std::string_view file,
                             std::string_view root) {
  const std::string name = collapse_slashes(script_name);
  root = root.substr(0, skip_slashes_back(root, root.size()));
  const bool of_root =
      name.starts_with('/') && file.starts_with(root) && file.substr(root.size()) == name;
  return of_root ? name : std::string(file);
}

std::string collapse_slashes(std::string_view path) {
  std::string collapsed;
  collapsed.reserve(path.size());
  for (const char c : path) {
    if (c != '/' || !collapsed.ends_with('/')) {
      collapsed.push_back(c);
    }
  }
  return collapsed;
}

}  // namespace brine::apache

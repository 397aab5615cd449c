#include "daemon/known_scripts.hpp"

#include <sys/stat.h>

#include <algorithm>

namespace brine::daemon {

// Microseconds since the epoch; 0 if it cannot be seen.
std::int64_t KnownScripts::changed_at(const std::string& path) const {
  struct stat info = {};
  if (::stat((root_ + path).c_str(), &info) != 0) return 0;
  return info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1000;
}

bool KnownScripts::add(const Script& script) {
  const bool known = std::any_of(all_.begin(), all_.end(), [&](const Script& other) {
    return other.path == script.path && other.application_group == script.application_group;
  });
  const bool proper = script.path.starts_with('/') && script.path.find("/../") == std::string::npos;
  if (known || !proper || all_.size() >= kMost) return false;
  all_.push_back(script);
  return true;
}

bool KnownScripts::knows(const std::string& path) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const Script& script) { return script.path == path; });
}

ScriptTimes KnownScripts::to_be_kept(const ScriptTimes& failed) const {
  ScriptTimes kept;
  for (const Script& script : all_) {
    const auto found = failed.find(script.path);
    if (script.keep_last_good && found != failed.end()) kept.insert(*found);
  }
  return kept;
}

ScriptTimes KnownScripts::as_they_are() const {
  ScriptTimes times;
  for (const Script& script : all_) times[script.path] = changed_at(script.path);
  return times;
}

bool KnownScripts::changed_since(const ScriptTimes& then) const {
  return std::any_of(then.begin(), then.end(), [this](const auto& script) {
    return script.second != changed_at(script.first);
  });
}

bool KnownScripts::changed_since_failure(const std::string& path) const {
  const auto failed = failed_.find(path);
  return failed == failed_.end() || failed->second != changed_at(path);
}

}  // namespace brine::daemon

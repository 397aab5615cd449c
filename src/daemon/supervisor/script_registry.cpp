#include "daemon/supervisor/script_registry.hpp"

#include <algorithm>

#include "base/stamp.hpp"

namespace brine::daemon {

std::int64_t ScriptRegistry::version_of(const std::string& path) const {
  return base::version_of(root_ + path);
}

bool ScriptRegistry::add(const Script& script) {
  const bool known = std::any_of(all_.begin(), all_.end(), [&](const Script& other) {
    if (other.path != script.path) return false;
    // Whoever makes up names of groups makes up no places here.
    return other.application_group == script.application_group ||
           script.group_named_by != wsgi::NamedBy::configuration;
  });
  const bool proper = script.path.starts_with('/') && script.path.find("/../") == std::string::npos;
  if (known || !proper || all_.size() >= kMost) return false;
  all_.push_back(script);
  return true;
}

bool ScriptRegistry::knows(const std::string& path) const {
  return std::any_of(all_.begin(), all_.end(),
                     [&](const Script& script) { return script.path == path; });
}

ScriptVersions ScriptRegistry::to_be_kept(const ScriptVersions& failed) const {
  ScriptVersions kept;
  for (const Script& script : all_) {
    const auto found = failed.find(script.path);
    if (script.keep_last_good && found != failed.end()) kept.insert(*found);
  }
  return kept;
}

ScriptVersions ScriptRegistry::as_they_are() const {
  ScriptVersions versions;
  for (const Script& script : all_) versions[script.path] = version_of(script.path);
  return versions;
}

bool ScriptRegistry::changed_since(const ScriptVersions& then) const {
  return std::any_of(then.begin(), then.end(), [this](const auto& script) {
    return script.second != version_of(script.first);
  });
}

bool ScriptRegistry::changed_since_failure(const std::string& path) const {
  const auto failed = failed_.find(path);
  return failed == failed_.end() || failed->second != version_of(path);
}

}  // namespace brine::daemon

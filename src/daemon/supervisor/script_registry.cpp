#include "daemon/supervisor/script_registry.hpp"

#include <algorithm>
#include <utility>

namespace brine::daemon {

void ScriptRegistry::note_seen(const std::string& path, std::int64_t version) {
  if (was_asked(path) || knows(path)) seen_[path] = version;
}

bool ScriptRegistry::was_asked(const std::string& path) const {
  return std::any_of(asked_.begin(), asked_.end(),
                     [&](const Script& script) { return script.path == path; });
}

void ScriptRegistry::note_seen(const ScriptVersions& scripts) {
  for (const auto& [path, version] : scripts) note_seen(path, version);
}

std::int64_t ScriptRegistry::version_of(const std::string& path) const {
  const auto seen = seen_.find(path);
  return seen != seen_.end() ? seen->second : 0;
}

namespace {

bool is_same(const Script& a, const Script& b) {
  return a.path == b.path && a.application_group == b.application_group;
}

}  // namespace

void ScriptRegistry::note_asked(const Script& script) {
  std::erase_if(asked_, [&](const Script& other) { return is_same(other, script); });
  asked_.push_back(script);
  if (asked_.size() <= kMost) return;
  const std::string oldest = std::move(asked_.front().path);
  asked_.erase(asked_.begin());
  if (!was_asked(oldest) && !knows(oldest)) seen_.erase(oldest);
}

bool ScriptRegistry::add(const Script& script) {
  const auto asked = std::find_if(asked_.begin(), asked_.end(),
                                  [&](const Script& other) { return is_same(other, script); });
  if (asked == asked_.end()) return false;
  const bool known = std::any_of(all_.begin(), all_.end(), [&](const Script& other) {
    // Names of groups that a client makes up must not take up places here.
    return is_same(other, *asked) ||
           (other.path == asked->path && asked->group_named_by != wsgi::NamedBy::configuration);
  });
  const bool proper = asked->path.starts_with('/') && asked->path.find("/../") == std::string::npos;
  if (known || !proper || all_.size() >= kMost) return false;
  all_.push_back(*asked);
  all_.back().learnt = true;
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
    if (script.settings.keep_last_good && found != failed.end()) kept.insert(*found);
  }
  return kept;
}

ScriptVersions ScriptRegistry::as_they_are() const {
  ScriptVersions versions;
  for (const Script& script : all_) {
    const auto seen = seen_.find(script.path);
    if (seen != seen_.end()) versions.insert(*seen);
  }
  return versions;
}

bool ScriptRegistry::changed_since(const ScriptVersions& then) const {
  return std::any_of(then.begin(), then.end(), [this](const auto& script) {
    const auto seen = seen_.find(script.first);
    return seen != seen_.end() && seen->second != script.second;
  });
}

bool ScriptRegistry::changed_since_failure(const std::string& path) const {
  const auto failed = failed_.find(path);
  return failed == failed_.end() || failed->second != version_of(path);
}

}  // namespace brine::daemon

// The scripts that a group's processes load before they are ready.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/shared/control.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// Those that the configuration names, and those that requests made a process load. It also keeps
/// what the files were like when they did not load.
class ScriptRegistry {
 public:
  explicit ScriptRegistry(std::vector<Script> scripts) : all_(std::move(scripts)) {}

  const std::vector<Script>& all() const { return all_; }

  /// One of httpd's processes serves requests for this script.
  void note_asked(const Script& script);

  /// Adds a script that a process says it has loaded; false if it is known, or no request has asked
  /// for it: the process runs what users have written, who could name any file. What is kept is
  /// what httpd has said of it. No more than kMost scripts are kept. One group that clients named
  /// is enough for a script.
  bool add(const Script& script);

  bool knows(const std::string& path) const;

  /// Somebody has looked at this version of the script's file: a process of the group, or
  /// ScriptLook. What is no known script is not noted. The supervisor itself looks at none.
  void note_seen(const std::string& path, std::int64_t version);
  void note_seen(const ScriptVersions& scripts);

  /// The version that was last seen; 0: none.
  std::int64_t version_of(const std::string& path) const;

  /// All of them, as they were last seen.
  ScriptVersions as_they_are() const;

  /// Those of `failed` whose last good code is to be kept (WSGIReloadFailure Keep).
  ScriptVersions to_be_kept(const ScriptVersions& failed) const;

  /// They did not load as they were then.
  void note_failure(ScriptVersions then) { failed_ = std::move(then); }
  void note_success() { failed_.clear(); }
  bool has_failed() const { return !failed_.empty(); }

  /// Whether any of these is no longer as it was `then`.
  bool changed_since(const ScriptVersions& then) const;
  /// Whether any has changed since they did not load.
  bool changed_since_failure() const { return changed_since(failed_); }
  /// Whether this one has.
  bool changed_since_failure(const std::string& path) const;

 private:
  static constexpr std::size_t kMost = 500;

  bool was_asked(const std::string& path) const;

  std::vector<Script> all_;
  std::vector<Script> asked_;  ///< and not in all_; the oldest first
  ScriptVersions seen_;        ///< as they were last seen
  ScriptVersions failed_;      ///< as they did not load
};

}  // namespace brine::daemon

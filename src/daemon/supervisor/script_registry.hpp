// Keeps, in the supervisor, which scripts a group's processes load before they are ready.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/shared/control.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The scripts that the configuration names, and those that requests made a process load. The
/// registry also keeps what the files were like when they did not load.
class ScriptRegistry {
 public:
  explicit ScriptRegistry(std::vector<Script> scripts) : all_(std::move(scripts)) {}

  const std::vector<Script>& all() const { return all_; }

  /// Notes that one of httpd's processes serves requests for this script.
  void note_asked(const Script& script);

  /// Adds a script that a process says it has loaded, as httpd's processes have described it.
  /// Returns false if the script is known, if kMost are kept already, or if no request has asked
  /// for it: the process runs users' code, which could name any file. One group that clients named
  /// is enough for a script.
  bool add(const Script& script);

  /// Returns true if the script is one of all().
  bool knows(const std::string& path) const;

  /// Notes a version of a script's file that a process of the group or ScriptLook has seen; the
  /// supervisor itself looks at no file. Unknown scripts are not noted.
  void note_seen(const std::string& path, std::int64_t version);
  void note_seen(const ScriptVersions& scripts);

  /// Returns the version that was last seen; 0: none.
  std::int64_t version_of(const std::string& path) const;

  /// Returns all scripts as they were last seen.
  ScriptVersions as_they_are() const;

  /// Returns those of `failed` whose last good code is to be kept (WSGIReloadFailure Keep).
  ScriptVersions to_be_kept(const ScriptVersions& failed) const;

  /// Notes that the scripts did not load as they were then.
  void note_failure(ScriptVersions then) { failed_ = std::move(then); }
  void note_success() { failed_.clear(); }
  bool has_failed() const { return !failed_.empty(); }

  /// Returns true if one of these scripts is no longer as it was `then`.
  bool changed_since(const ScriptVersions& then) const;
  /// Returns true if a script has changed since the scripts did not load.
  bool changed_since_failure() const { return changed_since(failed_); }
  /// Returns true if this script has changed since the scripts did not load.
  bool changed_since_failure(const std::string& path) const;

 private:
  static constexpr std::size_t kMost = 500;

  bool was_asked(const std::string& path) const;

  std::vector<Script> all_;
  std::vector<Script> asked_;  ///< those not in all_; the oldest first
  ScriptVersions seen_;        ///< as they were last seen
  ScriptVersions failed_;      ///< as they did not load
};

}  // namespace brine::daemon

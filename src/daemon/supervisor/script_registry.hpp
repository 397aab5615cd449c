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
  /// `root`: the group's chroot=, in which the scripts' paths are to be looked up.
  ScriptRegistry(std::vector<Script> scripts, std::string root)
      : root_(std::move(root)), all_(std::move(scripts)) {}

  const std::vector<Script>& all() const { return all_; }

  /// One of httpd's processes serves requests for this script.
  void note_asked(const Script& script);

  /// Adds a script that a process says it has loaded; false if it is known, or no request has asked
  /// for it: the process runs what users have written, who could name any file. What is kept is
  /// what httpd has said of it. No more than kMost scripts are kept, and none that leads out of
  /// `root`. One group that clients named is enough for a script.
  bool add(const Script& script);

  bool knows(const std::string& path) const;

  /// What base::version_of() says of a script.
  std::int64_t version_of(const std::string& path) const;

  /// All of them, as a process that starts now will see them.
  ScriptVersions as_they_are() const;

  /// Those of `failed` whose last good code is to be kept (WSGIReloadFailure Keep).
  ScriptVersions to_be_kept(const ScriptVersions& failed) const;

  /// They did not load as they were then.
  void note_failure(ScriptVersions then) { failed_ = std::move(then); }
  void note_success() { failed_.clear(); }

  /// Whether any of these is no longer as it was `then`.
  bool changed_since(const ScriptVersions& then) const;
  /// Whether any has changed since they did not load.
  bool changed_since_failure() const { return changed_since(failed_); }
  /// Whether this one has.
  bool changed_since_failure(const std::string& path) const;

 private:
  static constexpr std::size_t kMost = 500;

  std::string root_;
  std::vector<Script> all_;
  std::vector<Script> asked_;  ///< and not in all_; the oldest first
  ScriptVersions failed_;      ///< as they did not load
};

}  // namespace brine::daemon

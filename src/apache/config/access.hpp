// Judges whether a user may reach a file, without being that user. Pure but for looking at files.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brine::apache {

/// A user as the kernel sees it: `groups` has the primary and the supplementary ones.
struct Identity {
  uid_t user = 0;
  std::vector<gid_t> groups;
  bool has_names =
      true;  ///< false: messages give numbers; a chroot's files are not asked for names
};

/// The use of a path's last component.
enum class Wanted : std::uint8_t {
  read,     ///< a file's contents, or a directory's list
  traverse  ///< what lies in a directory
};

/// Returns true if there is something other than a folder, or nothing. Returns false if the path
/// cannot be seen, which obstacle() judges.
bool is_no_folder(const std::string& path);

/// Returns what keeps `identity` from the absolute `path`, as a clause with the component that is
/// the obstacle ("may not enter '/root' (mode 0700, owner root, group root)"), or nothing. Symbolic
/// links are followed. A component with an access control list counts as open, since only the
/// kernel can tell.
std::optional<std::string> obstacle(const std::string& path, const Identity& identity,
                                    Wanted wanted);

}  // namespace brine::apache

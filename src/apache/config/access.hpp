// Whether a user may reach a file, judged without being that user. Pure but for looking at files.
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

/// What the last component of a path is wanted for.
enum class Wanted : std::uint8_t {
  read,     ///< a file's contents, or a directory's list
  traverse  ///< what lies in a directory
};

/// Whether there is something else than a folder, or nothing. Not so where it cannot be seen, which
/// is for obstacle() to judge.
bool is_no_folder(const std::string& path);

/// What keeps `identity` from the absolute `path`, as a clause with the one component that is to
/// blame ("may not enter '/root' (mode 0700, owner root, group root)"), or nothing. Symbolic links
/// are followed. A component with an access control list is taken as open: only the kernel can
/// tell.
std::optional<std::string> obstacle(const std::string& path, const Identity& identity,
                                    Wanted wanted);

}  // namespace brine::apache

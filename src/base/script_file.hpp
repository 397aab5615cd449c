// Opens a script and judges its owner and mode. The opened file is the one that was judged.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace brine::base {

/// The owner that a daemon group's scripts must have: script-user= and script-group=.
struct ScriptOwner {
  std::optional<uid_t> user;
  std::optional<gid_t> group;

  bool is_wanted() const noexcept { return user || group; }
};

/// The result of judging a script's owner.
enum class Ownership : std::uint8_t {
  fits,
  other_owner,  ///< the script, or a folder with it or a link to it, has another owner
  writable,     ///< others may write the script, or put another one in its place
};

/// The result of opening a script.
struct ScriptFile {
  UniqueFd fd;    ///< a regular file with the wanted owner; else -1
  int error = 0;  ///< errno of the step that failed, or 0
  Ownership ownership = Ownership::fits;
  std::string why;  ///< a clause that begins with the path ("'/srv/x.wsgi' is ..."), or empty
};

/// The purpose for which a script is opened.
enum class Opening : std::uint8_t {
  to_read,
  to_judge,  ///< for judging alone; needs no right to read the file
};

/// Opens the script at the absolute `path` below `root` (empty: the process's own), without
/// blocking on a FIFO. If an owner is wanted, the opened file is judged, and so are all folders
/// that lead to it: whoever may write in the folder of a symbolic link decides what runs.
ScriptFile open_script(const std::string& path, const ScriptOwner& owner, Opening opening,
                       const std::string& root = {});

}  // namespace brine::base

// Opens a script, and judges whose it is: what was judged is the file that has been opened.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"

namespace brine::base {

/// script-user= and script-group= of a daemon group: whose scripts its processes run.
struct ScriptOwner {
  std::optional<uid_t> user;
  std::optional<gid_t> group;

  bool is_wanted() const noexcept { return user || group; }
};

enum class Ownership : std::uint8_t {
  fits,
  other_owner,  ///< the script, or a folder in which it or a link to it lies, is somebody else's
  writable,     ///< somebody else may write the script, or put another one in its place
};

/// What was found at a script's path.
struct ScriptFile {
  UniqueFd fd;    ///< a regular file that may be used as its owner is wanted; else none
  int error = 0;  ///< errno of the step that failed, or 0
  Ownership ownership = Ownership::fits;
  std::string why;  ///< a clause that begins with the path ("'/srv/x.wsgi' is ..."), or empty
};

enum class Opening : std::uint8_t {
  to_read,
  to_judge,  ///< the descriptor is good for nothing else; no right to read the file is needed
};

/// Opens the script at the absolute `path` below `root` (empty: the process's own), without waiting
/// for whoever would have to open a FIFO's other end. Where an owner is wanted, the file that has
/// been opened is judged, and so are all folders that lead to it: one who may write in the folder
/// of a symbolic link chooses what runs.
ScriptFile open_script(const std::string& path, const ScriptOwner& owner, Opening opening,
                       const std::string& root = {});

}  // namespace brine::base

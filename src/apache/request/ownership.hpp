// script-user= and script-group= of a daemon group: whose scripts it runs.
#pragma once

#include <string>

#include "daemon/shared/group.hpp"

namespace brine::apache {

enum class Ownership : unsigned char {
  fits,
  other_owner,  ///< the script, or the directory that it is in, belongs to somebody else
  writable,     ///< somebody else may write the script, or put another one in its place
};

struct Judgement {
  Ownership ownership = Ownership::fits;
  std::string why;  ///< a clause that begins with the path: "'/srv/x.wsgi' is ..."
};

/// Judges a script as the group's options want it; symbolic links count for what they lead to. A
/// script that cannot be seen is somebody else's.
Judgement judge_ownership(const daemon::Group& group, const std::string& script);

}  // namespace brine::apache

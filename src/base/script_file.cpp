#include "base/script_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "base/quotes.hpp"

namespace brine::base {

namespace {

// The kernel follows at most this many symbolic links too.
constexpr int kMostLinks = 40;

std::string with_mode(const std::string& path, const struct stat& info) {
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", info.st_mode & 07777U);
  return in_quotes(path) + " (mode " + mode + ")";
}

ScriptFile no_file(const std::string& path, int error) {
  ScriptFile result;
  result.error = error;
  result.ownership = Ownership::other_owner;
  result.why = in_quotes(path) + " cannot be seen: " + std::strerror(error);
  return result;
}

ScriptFile refused(Ownership ownership, std::string why) {
  ScriptFile result;
  result.error = EACCES;
  result.ownership = ownership;
  result.why = std::move(why);
  return result;
}

// Returns the result for a FIFO, a device or a folder, which cannot hold a script.
ScriptFile no_regular_file(const std::string& path, const struct stat& info) {
  ScriptFile result;
  result.error = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
  result.ownership = Ownership::other_owner;
  result.why = in_quotes(path) + " is no regular file";
  return result;
}

int flags_of(Opening opening) {
  return (opening == Opening::to_read ? O_RDONLY | O_NONBLOCK | O_NOCTTY : O_PATH) | O_CLOEXEC;
}

// Walks from folder to folder, opening each by the descriptor of the one before, so that no folder
// can be replaced after it has been judged.
class Walk {
 public:
  Walk(const ScriptOwner& owner, Opening opening) : owner_(owner), opening_(opening) {}

  ScriptFile open(const std::string& path, const std::string& root) {
    root_.reset(::open(root.empty() ? "/" : root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct stat info = {};
    if (!root_ || ::fstat(root_.get(), &info) != 0) return no_file("/", errno);
    left_ = path;
    enter_root();
    judge_higher(info);
    while (why_.empty()) {
      const std::string name = next_part();
      if (name.empty()) return no_regular_file(shown(), info);
      if (auto result = step(name, info)) return std::move(*result);
    }
    return refused(ownership_, why_);
  }

 private:
  void enter_root() {
    folder_.reset(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
    path_.clear();
  }

  // Return the path of the current folder, and of a name in it, for messages.
  std::string shown() const { return path_.empty() ? "/" : path_; }
  std::string shown(const std::string& name) const { return path_ + '/' + name; }

  // Removes and returns the first component of the rest of the path; empty at its end.
  std::string next_part() {
    const std::size_t start = left_.find_first_not_of('/');
    if (start == std::string::npos) return {};
    const std::size_t end = std::min(left_.find('/', start), left_.size());
    std::string part = left_.substr(start, end - start);
    left_.erase(0, end);
    return part;
  }

  bool is_last() const { return left_.find_first_not_of('/') == std::string::npos; }

  // Takes one step of the path. `info` is the current folder's on entry, and that of `name` on
  // return.
  std::optional<ScriptFile> step(const std::string& name, struct stat& info) {
    if (name == ".") return std::nullopt;
    if (name == ".." && path_.empty()) return std::nullopt;  // the root's parent is the root
    const struct stat folder = info;
    UniqueFd next(::openat(folder_.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next || ::fstat(next.get(), &info) != 0) return no_file(shown(name), errno);
    if (S_ISDIR(info.st_mode)) {
      folder_ = std::move(next);
      path_ = name == ".." ? path_.substr(0, path_.rfind('/')) : shown(name);
      if (!is_last()) judge_higher(info);
      return std::nullopt;
    }
    if (S_ISLNK(info.st_mode)) {
      judge_folder(folder);
      return follow(next, shown(name), info, folder);
    }
    if (!is_last()) return no_file(shown(name), ENOTDIR);
    return take(name, info, folder);
  }

  std::optional<ScriptFile> follow(const UniqueFd& link, const std::string& path, struct stat& info,
                                   const struct stat& folder) {
    char target[PATH_MAX];
    const ssize_t size = ::readlinkat(link.get(), "", target, sizeof target);
    if (size <= 0 || size == sizeof target) return no_file(path, size < 0 ? errno : ENOENT);
    if (++links_ > kMostLinks) return no_file(path, ELOOP);
    left_.insert(0, "/");
    left_.insert(0, target, static_cast<std::size_t>(size));
    info = folder;
    if (target[0] != '/') return std::nullopt;
    enter_root();
    if (::fstat(folder_.get(), &info) != 0) return no_file(path, errno);
    return std::nullopt;
  }

  // Opens the script itself, and judges it by the descriptor by which it will be read.
  ScriptFile take(const std::string& name, struct stat& info, const struct stat& folder) {
    if (!S_ISREG(info.st_mode)) return no_regular_file(shown(name), info);
    ScriptFile result;
    result.fd.reset(::openat(folder_.get(), name.c_str(), flags_of(opening_) | O_NOFOLLOW));
    if (!result.fd || ::fstat(result.fd.get(), &info) != 0) return no_file(shown(name), errno);
    if (!S_ISREG(info.st_mode)) return no_regular_file(shown(name), info);
    judge_file(shown(name), info);
    judge_folder(folder);
    return why_.empty() ? std::move(result) : refused(ownership_, why_);
  }

  // Keeps the first finding alone.
  void note(Ownership ownership, std::string why) {
    if (!why_.empty()) return;
    ownership_ = ownership;
    why_ = std::move(why);
  }

  void judge_file(const std::string& path, const struct stat& info) {
    if (owner_.user && info.st_uid != *owner_.user) {
      note(Ownership::other_owner, in_quotes(path) + " is owned by user #" +
                                       std::to_string(info.st_uid) + ", not #" +
                                       std::to_string(*owner_.user) + " (script-user)");
    }
    if (owner_.group && info.st_gid != *owner_.group) {
      note(Ownership::other_owner, in_quotes(path) + " is owned by group #" +
                                       std::to_string(info.st_gid) + ", not #" +
                                       std::to_string(*owner_.group) + " (script-group)");
    }
    judge_mode(path, info);
  }

  // Judges the folder of the script, or of a symbolic link on the way to it.
  void judge_folder(const struct stat& info) {
    if (owner_.user && info.st_uid != 0 && info.st_uid != *owner_.user) {
      note(Ownership::other_owner, "the folder " + in_quotes(shown()) + " is owned by user #" +
                                       std::to_string(info.st_uid) + ", not by root or #" +
                                       std::to_string(*owner_.user) + " (script-user)");
    }
    judge_mode(shown(), info);
  }

  // With a wanted user, members of the file's group count as others.
  void judge_mode(const std::string& path, const struct stat& info) {
    const mode_t others = owner_.user ? S_IWGRP | S_IWOTH : S_IWOTH;
    if ((info.st_mode & others) == 0) return;
    note(Ownership::writable, with_mode(path, info) + " can be written by others");
  }

  // Judges a folder higher up. Whoever may write there could replace the next folder, unless the
  // sticky bit is set.
  void judge_higher(const struct stat& info) {
    if ((info.st_mode & S_IWOTH) == 0 || (info.st_mode & S_ISVTX) != 0) return;
    note(Ownership::writable, with_mode(shown(), info) + " can be written by others");
  }

  const ScriptOwner& owner_;
  const Opening opening_;
  UniqueFd root_;
  UniqueFd folder_;
  std::string path_;  ///< path of folder_ below the root, without links; empty: the root
  std::string left_;  ///< the rest of the path
  int links_ = 0;
  Ownership ownership_ = Ownership::fits;
  std::string why_;
};

}  // namespace

ScriptFile open_script(const std::string& path, const ScriptOwner& owner, Opening opening,
                       const std::string& root) {
  if (owner.is_wanted()) return Walk(owner, opening).open(path, root);
  ScriptFile result;
  result.fd.reset(::open((root + path).c_str(), flags_of(opening)));
  struct stat info = {};
  if (!result.fd || ::fstat(result.fd.get(), &info) != 0) return no_file(path, errno);
  if (!S_ISREG(info.st_mode)) return no_regular_file(path, info);
  return result;
}

}  // namespace brine::base

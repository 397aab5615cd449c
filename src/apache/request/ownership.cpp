#include "apache/request/ownership.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// The path without its last part; "/" for what is directly below it.
std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

std::string with_mode(const std::string& path, const struct stat& info) {
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", info.st_mode & 07777U);
  return base::in_quotes(path) + " (mode " + mode + ")";
}

Judgement unseen(const std::string& path) {
  return {Ownership::other_owner,
          base::in_quotes(path) + " cannot be seen: " + std::strerror(errno)};
}

class Judge {
 public:
  explicit Judge(const daemon::Group& group) : group_(group) {}

  Judgement judge(const std::string& script) const {
    const std::unique_ptr<char, decltype(&std::free)> resolved(
        ::realpath((group_.chroot + script).c_str(), nullptr), &std::free);
    if (!resolved) return unseen(script);
    const std::string path = resolved.get();
    if (Judgement result = judge_file(path); result.ownership != Ownership::fits) return result;
    std::string folder = parent_of(path);
    Judgement result = judge_folder(folder);
    // Higher up, who may write could put another folder in the place of the next one; not so where
    // the sticky bit is set.
    while (result.ownership == Ownership::fits && folder != "/") {
      folder = parent_of(folder);
      result = judge_higher(folder);
    }
    return result;
  }

 private:
  Judgement judge_file(const std::string& path) const {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return unseen(path);
    if (group_.script_user && info.st_uid != *group_.script_user) {
      return {Ownership::other_owner, base::in_quotes(path) + " is owned by user #" +
                                          std::to_string(info.st_uid) + ", not #" +
                                          std::to_string(*group_.script_user) + " (script-user)"};
    }
    if (group_.script_group && info.st_gid != *group_.script_group) {
      return {Ownership::other_owner, base::in_quotes(path) + " is owned by group #" +
                                          std::to_string(info.st_gid) + ", not #" +
                                          std::to_string(*group_.script_group) + " (script-group)"};
    }
    return judge_mode(path, info);
  }

  Judgement judge_folder(const std::string& path) const {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return unseen(path);
    if (group_.script_user && info.st_uid != 0 && info.st_uid != *group_.script_user) {
      return {Ownership::other_owner, "the folder " + base::in_quotes(path) +
                                          " is owned by user #" + std::to_string(info.st_uid) +
                                          ", not by root or #" +
                                          std::to_string(*group_.script_user) + " (script-user)"};
    }
    return judge_mode(path, info);
  }

  // Where a user is wanted, a group of users are others.
  Judgement judge_mode(const std::string& path, const struct stat& info) const {
    const mode_t others = group_.script_user ? S_IWGRP | S_IWOTH : S_IWOTH;
    if ((info.st_mode & others) == 0) return {};
    return {Ownership::writable, with_mode(path, info) + " can be written by others"};
  }

  static Judgement judge_higher(const std::string& path) {
    struct stat info = {};
    if (::stat(path.c_str(), &info) != 0) return unseen(path);
    if ((info.st_mode & S_IWOTH) == 0 || (info.st_mode & S_ISVTX) != 0) return {};
    return {Ownership::writable, with_mode(path, info) + " can be written by others"};
  }

  const daemon::Group& group_;
};

}  // namespace

Judgement judge_ownership(const daemon::Group& group, const std::string& script) {
  if (!group.script_user && !group.script_group) return {};
  return Judge(group).judge(script);
}

}  // namespace brine::apache

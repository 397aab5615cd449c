#include "apache/config/access.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

bool has_access_list(const char* path) {
  return getxattr(path, "system.posix_acl_access", nullptr, 0) > 0;
}

// Returns true if the mode permits the access. `right` is S_IROTH or S_IXOTH, which is shifted for
// the owner and the group.
bool permits(const struct stat& status, const Identity& identity, mode_t right) {
  if (identity.user == 0) {
    return true;
  }
  if (status.st_uid == identity.user) {
    return (status.st_mode & (right << 6U)) != 0;
  }
  const auto& groups = identity.groups;
  if (std::find(groups.begin(), groups.end(), status.st_gid) != groups.end()) {
    return (status.st_mode & (right << 3U)) != 0;
  }
  return (status.st_mode & right) != 0;
}

std::string describe(const std::string& path, const struct stat& status, bool has_names) {
  char mode[8];
  std::snprintf(mode, sizeof(mode), "%04o", static_cast<unsigned>(status.st_mode & 07777U));
  const passwd* user = has_names ? getpwuid(status.st_uid) : nullptr;
  const group* owning_group = has_names ? getgrgid(status.st_gid) : nullptr;
  return base::in_quotes(path) + " (mode " + mode + ", owner " +
         (user != nullptr ? user->pw_name : std::to_string(status.st_uid)) + ", group " +
         (owning_group != nullptr ? owning_group->gr_name : std::to_string(status.st_gid)) + ")";
}

// Returns the target of a symbolic link, or an empty text if `path` is none.
std::string target_of(const std::string& path) {
  std::error_code error;
  const std::filesystem::path target = std::filesystem::read_symlink(path, error);
  if (error) return {};
  return (std::filesystem::path(path).parent_path() / target).lexically_normal().string();
}

// Judges one component, following symbolic links. `last`: the path ends with it.
std::optional<std::string> obstacle_at(const std::string& path, const Identity& identity, bool last,
                                       Wanted wanted) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0) {
    const int error = errno;
    // If a link cannot be followed, a folder on its way is the obstacle.
    const std::string target = error == EACCES ? target_of(path) : "";
    if (!target.empty() && target != path) return obstacle(target, identity, wanted);
    errno = error;
    return errno == ENOENT
               ? "finds no " + base::in_quotes(path)
               : "may not look at " + base::in_quotes(path) + " (" + std::strerror(errno) + ")";
  }
  const bool directory = S_ISDIR(status.st_mode);
  const bool must_enter = directory;
  const bool must_read = last && wanted == Wanted::read;
  if (has_access_list(path.c_str())) {
    return std::nullopt;
  }
  if (must_enter && !permits(status, identity, S_IXOTH)) {
    return "may not enter " + describe(path, status, identity.has_names);
  }
  if (must_read && !permits(status, identity, S_IROTH)) {
    return "may not read " + describe(path, status, identity.has_names);
  }
  return std::nullopt;
}

std::optional<std::string> walk(const std::filesystem::path& path, const Identity& identity,
                                Wanted wanted) {
  std::filesystem::path so_far;
  for (auto part = path.begin(); part != path.end(); ++part) {
    so_far /= *part;
    const bool last = std::next(part) == path.end();
    if (auto found = obstacle_at(so_far.string(), identity, last, wanted)) {
      return found;
    }
  }
  return std::nullopt;
}

}  // namespace

bool is_no_folder(const std::string& path) {
  std::error_code ignored;
  const std::filesystem::file_type type = std::filesystem::status(path, ignored).type();
  return type != std::filesystem::file_type::directory && type != std::filesystem::file_type::none;
}

std::optional<std::string> obstacle(const std::string& path, const Identity& identity,
                                    Wanted wanted) {
  if (auto found = walk(path, identity, wanted)) {
    return found;
  }
  // The folders that a symbolic link leads through count as well.
  const std::unique_ptr<char, decltype(&std::free)> real(realpath(path.c_str(), nullptr),
                                                         &std::free);
  return real != nullptr && path != real.get() ? walk(real.get(), identity, wanted) : std::nullopt;
}

}  // namespace brine::apache

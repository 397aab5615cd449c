#include "base/stamp.hpp"

#include <climits>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace brine::base {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// Stats the folder in which the file really lies, since any component of `path` may be a symbolic
// link. Only if the last one is a link does it have to be resolved by name.
bool examine_folder(const std::string& path, struct stat& info) {
  char name[PATH_MAX];
  if (path.size() >= sizeof name || ::lstat(path.c_str(), &info) != 0) return false;
  std::memcpy(name, path.c_str(), path.size() + 1);
  if (S_ISLNK(info.st_mode) && ::realpath(path.c_str(), name) == nullptr) return false;
  char* const slash = std::strrchr(name, '/');
  if (slash == nullptr) return false;
  slash[slash == name ? 1 : 0] = '\0';
  return ::stat(name, &info) == 0;
}

}  // namespace

Stamp stamp_of(const std::string& path, const struct stat& info) noexcept {
  Stamp stamp{static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
              static_cast<std::int64_t>(info.st_size), nanoseconds(info.st_mtim),
              nanoseconds(info.st_ctim)};
  struct stat folder = {};
  if (examine_folder(path, folder)) {
    stamp.folder_device = static_cast<std::uint64_t>(folder.st_dev);
    stamp.folder_inode = static_cast<std::uint64_t>(folder.st_ino);
  }
  return stamp;
}

std::optional<Stamp> stamp_of(const std::string& path) noexcept {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return stamp_of(path, info);
}

FileSeen see(const std::string& path) noexcept {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
          static_cast<std::int64_t>(info.st_size), nanoseconds(info.st_mtim) / 1000,
          nanoseconds(info.st_ctim) / 1000,        static_cast<std::uint64_t>(info.st_nlink)};
}

std::int64_t version_of(const std::string& path) noexcept {
  const std::optional<Stamp> stamp = stamp_of(path);
  if (!stamp) return 0;
  // FNV-1a over words of 64 bits.
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const std::uint64_t part :
       {stamp->device, stamp->inode, static_cast<std::uint64_t>(stamp->size),
        static_cast<std::uint64_t>(stamp->mtime), static_cast<std::uint64_t>(stamp->ctime),
        stamp->folder_device, stamp->folder_inode}) {
    hash = (hash ^ part) * 0x100000001b3U;
    hash ^= hash >> 32U;
  }
  return static_cast<std::int64_t>(hash | 1U);
}

}  // namespace brine::base

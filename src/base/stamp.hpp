// Identifies versions of a file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

namespace brine::base {

/// Identifies a version of a file by what stat() tells about it and about the folder in which it
/// really lies: a hard link in another folder is another version. Times are in ns since the epoch.
/// Only the kernel sets ctime, so every change of the file changes that.
struct Stamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;
  std::int64_t ctime = 0;
  std::uint64_t folder_device = 0;
  std::uint64_t folder_inode = 0;
  bool operator==(const Stamp&) const = default;
};

/// The facts of a file that httpd knew when it mapped the request: less precise than a Stamp.
struct FileSeen {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime_us = 0;  ///< microseconds since the epoch
  std::int64_t ctime_us = 0;
  std::uint64_t links = 0;  ///< number of the file's names; 0: the file has not been looked at
};

/// Returns true if `seen` was certainly the version of `stamp`. A file with one name lies where it
/// lay, since moving it or giving it a second name changes ctime. Two changes within one
/// microsecond can only happen right after one another, see Loaded::settled in script/verdict.hpp.
inline bool shows(const FileSeen& seen, const Stamp& stamp) noexcept {
  return seen.links == 1 && stamp.device == seen.device && stamp.inode == seen.inode &&
         stamp.size == seen.size && stamp.mtime / 1000 == seen.mtime_us &&
         stamp.ctime / 1000 == seen.ctime_us;
}

/// Returns true if the stamps differ in ctime and nothing else: the file's mode, owner or name was
/// changed, or it was rewritten and its old mtime restored.
inline bool differs_in_ctime_alone(const Stamp& a, const Stamp& b) noexcept {
  Stamp other = b;
  other.ctime = a.ctime;
  return a == other && a.ctime != b.ctime;
}

/// Returns what stat() tells about the file at `path`; `links` is 0 if that fails.
FileSeen see(const std::string& path) noexcept;

/// Returns the stamp of the file at `path`, or nothing if stat() fails.
std::optional<Stamp> stamp_of(const std::string& path) noexcept;

/// Returns the stamp of the file that was opened at `path` and has `info` by fstat().
Stamp stamp_of(const std::string& path, const struct stat& info) noexcept;

/// Returns a hash of the stamp of the file at `path`; 0 if stat() fails.
std::int64_t version_of(const std::string& path) noexcept;

}  // namespace brine::base

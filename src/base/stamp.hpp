// Which version of a file has been seen.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>

namespace brine::base {

/// Identifies a version of a file, by what stat knows of it and of the folder in which it really
/// lies: a hard link in another folder is another version. Times in ns since the epoch. Nobody but
/// the kernel sets ctime, so whatever is done to the file changes that.
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

/// A coarser look, as httpd has taken it when it mapped the request.
struct FileSeen {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime_us = 0;  ///< microseconds since the epoch
  std::int64_t ctime_us = 0;
  std::uint64_t links = 0;  ///< how many names the file has; 0: nobody has looked
};

/// Whether `seen` was, beyond doubt, the version of `stamp`. A file with one name lies where it
/// lay: to move it, or to give it a second name, changes ctime. Two changes within one microsecond
/// can only happen right after one another, see Loaded::settled in script/verdict.hpp.
inline bool shows(const FileSeen& seen, const Stamp& stamp) noexcept {
  return seen.links == 1 && stamp.device == seen.device && stamp.inode == seen.inode &&
         stamp.size == seen.size && stamp.mtime / 1000 == seen.mtime_us &&
         stamp.ctime / 1000 == seen.ctime_us;
}

/// Whether all but ctime is the same: its mode or owner was changed, or its name; or it was
/// rewritten, and its old time put back.
inline bool differs_in_ctime_alone(const Stamp& a, const Stamp& b) noexcept {
  Stamp other = b;
  other.ctime = a.ctime;
  return a == other && a.ctime != b.ctime;
}

/// A look at the file at `path`; no links if it cannot be examined.
FileSeen see(const std::string& path) noexcept;

/// Stamp of the file at `path`, or none if it cannot be examined.
std::optional<Stamp> stamp_of(const std::string& path) noexcept;

/// Likewise, of the file that has been opened at `path` and of which fstat says `info`.
Stamp stamp_of(const std::string& path, const struct stat& info) noexcept;

/// A number for the version of the file at `path`, by all that a stamp has; 0 if it cannot be
/// examined.
std::int64_t version_of(const std::string& path) noexcept;

}  // namespace brine::base

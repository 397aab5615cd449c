// Which version of a file has been seen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace brine::script {

/// Identifies a version of a file by what stat knows of it; times in ns since the epoch.
struct Stamp {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::int64_t size = 0;
  std::int64_t mtime = 0;
  bool operator==(const Stamp&) const = default;
};

/// Whether a coarser look, with a time in microseconds, saw the version of this stamp: the kernel's
/// clock gives no two versions times that are so close.
inline bool is_version(const Stamp& stamp, const Stamp& coarse) noexcept {
  return stamp.device == coarse.device && stamp.inode == coarse.inode &&
         stamp.size == coarse.size && stamp.mtime / 1000 == coarse.mtime / 1000;
}

/// Stamp of the file at `path`, or none if it cannot be examined.
std::optional<Stamp> stamp_of(const std::string& path) noexcept;

/// A file's bytes with the stamp of the descriptor they were read from: what is stamped is what
/// runs, even if the path is renamed over meanwhile.
struct Source {
  Stamp stamp;
  std::string bytes;
  int error = 0;  ///< errno of the step that failed, or 0
};

/// Reads the script at `path`. BLOCKS: not for a thread that holds the GIL.
Source read_source(const std::string& path);

/// The clock by which files get their times, in ns since the epoch.
std::int64_t file_clock_now() noexcept;

}  // namespace brine::script

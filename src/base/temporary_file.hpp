// A file without a name, for a body that is too large for memory. The kernel frees it with its last
// descriptor, however the process ends.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/unique_fd.hpp"

namespace brine::base {

/// Owns a temporary file, which is made with its first bytes. Not for use by several threads at
/// once.
class TemporaryFile {
 public:
  /// Returns the folder of the files: TMPDIR, or /var/tmp, which holds larger files than /tmp. The
  /// first call reads the environment, so it must come before other threads may change that.
  static const char* folder();

  /// Appends bytes; the first ones make the file. Returns false, with errno set, if nothing has
  /// been appended. BLOCKS.
  bool append(std::string_view bytes) noexcept;

  /// Reads at `offset` up to into.size() bytes. Returns how many were there, or -1 on failure.
  /// BLOCKS.
  std::int64_t read(std::span<char> into, std::int64_t offset) const noexcept;

  /// Returns the number of bytes that were appended.
  std::int64_t size() const noexcept { return size_; }

  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::int64_t size_ = 0;
};

}  // namespace brine::base

// A file without a name, for a body that is larger than memory should hold. It is gone with its
// last descriptor, however the process ends.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/unique_fd.hpp"

namespace brine::base {

class TemporaryFile {
 public:
  /// Where it lies: TMPDIR, or else /var/tmp, which holds larger files than /tmp. The environment
  /// is read by the first call, which must come before other threads may change it.
  static const char* folder();

  /// Appends, and makes the file with the first bytes. False: nothing has been appended, and errno
  /// tells why. BLOCKS.
  bool append(std::string_view bytes) noexcept;

  /// Reads from `offset` as many bytes as are there, up to into.size(). -1: it failed. BLOCKS.
  std::int64_t read(std::span<char> into, std::int64_t offset) const noexcept;

  /// Bytes that were appended.
  std::int64_t size() const noexcept { return size_; }

  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::int64_t size_ = 0;
};

}  // namespace brine::base

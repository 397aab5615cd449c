// Memory that a process shares with its child processes, or with other processes that map the same
// file.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"

namespace brine::base {

/// Owns a mapping of shared memory.
class SharedMemory {
 public:
  SharedMemory() noexcept = default;
  /// Maps zero-filled memory. Throws std::system_error.
  explicit SharedMemory(std::size_t size) : size_(size) {
    data_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      throw std::system_error(errno, std::generic_category(), "shared memory");
    }
  }
  /// Maps a part of a memory file; `offset` is a multiple of the page size. Throws
  /// std::system_error.
  SharedMemory(int file, std::size_t offset, std::size_t size) : size_(size) {
    data_ =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, static_cast<off_t>(offset));
    if (data_ == MAP_FAILED) {
      data_ = nullptr;
      throw std::system_error(errno, std::generic_category(), "shared memory");
    }
  }
  SharedMemory(SharedMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}
  SharedMemory& operator=(SharedMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  ~SharedMemory() {
    if (data_ != nullptr) ::munmap(data_, size_);
  }

  /// Returns the mapping, which then stays until the process ends.
  void* release() noexcept { return std::exchange(data_, nullptr); }

  char* data() const noexcept { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

/// Makes a zero-filled memory file whose size cannot be changed, so that no process that has mapped
/// it is sent SIGBUS. /proc shows `name`. Throws std::system_error.
inline UniqueFd memory_file(const char* name, std::size_t size) {
  UniqueFd file(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) != 0) {
    throw std::system_error(errno, std::generic_category(), "memory file");
  }
  return file;
}

}  // namespace brine::base

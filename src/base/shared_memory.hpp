// Anonymous memory that a process shares with those that it forks.
#pragma once

#include <sys/mman.h>

#include <cerrno>
#include <cstddef>
#include <iterator>
#include <system_error>
#include <utility>

namespace brine::base {

class SharedMemory {
 public:
  SharedMemory() noexcept = default;
  /// Zero-filled. Throws std::system_error.
  explicit SharedMemory(std::size_t size) : size_(size) {
    data_ = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
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

  char* data() const noexcept { return static_cast<char*>(data_); }

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace brine::base

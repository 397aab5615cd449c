#include "script/stamp.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace brine::script {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

Stamp make_stamp(const struct stat& info) {
  return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
          static_cast<std::int64_t>(info.st_size), nanoseconds(info.st_mtim)};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

}  // namespace

std::optional<Stamp> stamp_of(const std::string& path) noexcept {
  struct stat info = {};
  if (::stat(path.c_str(), &info) != 0) return std::nullopt;
  return make_stamp(info);
}

Source read_source(const std::string& path) {
  Source source;
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat info = {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) {
    source.error = errno;
    return source;
  }
  source.stamp = make_stamp(info);
  char block[65536];
  for (;;) {
    const ssize_t got = ::read(file.fd, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) source.error = errno;
    if (got <= 0) return source;
    source.bytes.append(block, static_cast<std::size_t>(got));
  }
}

std::int64_t file_clock_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // what the kernel stamps files with
  return nanoseconds(now);
}

}  // namespace brine::script

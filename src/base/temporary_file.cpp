#include "base/temporary_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace brine::base {

namespace {

// Makes the file with a name and removes that, where the file system has no O_TMPFILE.
int open_and_unlink(const char* folder) noexcept {
  std::array<char, PATH_MAX> name;
  const int length = std::snprintf(name.data(), name.size(), "%s/brine-XXXXXX", folder);
  if (length < 0 || static_cast<std::size_t>(length) >= name.size()) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int fd = ::mkostemp(name.data(), O_CLOEXEC);
  if (fd >= 0) ::unlink(name.data());
  return fd;
}

int open_nameless(const char* folder) noexcept {
  const int fd = ::open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool unable = errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL;
  return fd < 0 && unable ? open_and_unlink(folder) : fd;
}

bool is_folder(const char* path) noexcept {
  struct stat info = {};
  return path != nullptr && ::stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

}  // namespace

const char* TemporaryFile::folder() {
  static const std::string chosen = [] {
    const char* const given = std::getenv("TMPDIR");
    return is_folder(given) ? given : is_folder("/var/tmp") ? "/var/tmp" : "/tmp";
  }();
  return chosen.c_str();
}

bool TemporaryFile::append(std::string_view bytes) noexcept {
  if (!fd_) {
    fd_.reset(open_nameless(folder()));
    if (!fd_) return false;
  }
  std::int64_t at = size_;
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(fd_.get(), bytes.data(), bytes.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  size_ = at;
  return true;
}

std::int64_t TemporaryFile::read(std::span<char> into, std::int64_t offset) const noexcept {
  const auto wanted =
      std::min<std::int64_t>(static_cast<std::int64_t>(into.size()), size_ - offset);
  std::int64_t got = 0;
  while (got < wanted) {
    const ssize_t part =
        ::pread(fd_.get(), into.data() + got, static_cast<std::size_t>(wanted - got), offset + got);
    if (part < 0 && errno == EINTR) continue;
    if (part <= 0) return -1;  // no other process can have truncated the file
    got += part;
  }
  return got;
}

}  // namespace brine::base

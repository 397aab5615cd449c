#include "script/source.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <utility>

namespace brine::script {
namespace {

// No script is larger than this. The limit keeps another file, named as a script, from filling the
// memory.
constexpr std::size_t kMostBytes = 64U << 20U;

Source unreadable(Source source, std::string why) {
  source.bytes.clear();
  source.why_not = std::move(why);
  return source;
}

std::string reason(int error) {
  return error == EINVAL ? "it is no regular file" : std::strerror(error);
}

}  // namespace

Source read_source(const std::string& path, const base::ScriptOwner& owner) {
  Source source;
  source.read_at = file_clock_now();
  const base::ScriptFile file = base::open_script(path, owner, base::Opening::to_read);
  struct stat info = {};
  if (!file.fd) {
    source.is_refused = owner.is_wanted() && file.error == EACCES;
    // The stamp of a refused script is kept too, so that it is not tried again for each request.
    if (source.is_refused) source.stamp = base::stamp_of(path).value_or(base::Stamp());
    const std::string why = source.is_refused ? file.why : reason(file.error);
    return unreadable(std::move(source), why);
  }
  if (::fstat(file.fd.get(), &info) != 0) {
    return unreadable(std::move(source), std::strerror(errno));
  }
  source.stamp = base::stamp_of(path, info);
  char block[65536];
  for (;;) {
    const ssize_t got = ::read(file.fd.get(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(std::move(source), std::strerror(errno));
    if (got == 0) return source;
    source.bytes.append(block, static_cast<std::size_t>(got));
    if (source.bytes.size() > kMostBytes) return unreadable(std::move(source), "it is too large");
  }
}

std::int64_t file_clock_now() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);  // the clock of the kernel's file times
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace brine::script

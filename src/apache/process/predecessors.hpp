// Remembers the supervisors of earlier configurations. They end with the last of httpd's children
// of their time, and remain children of httpd's first process, which has to know them. So the list
// is kept over restarts, in memory that httpd holds for the module.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace brine::apache {

/// The list, for whichever build of the module reads it after a restart: that checks the version
/// first. The version is larger than any pid, so a bare list of pids is never taken for one.
struct Predecessors {
  static constexpr std::uint32_t kVersion = 0x62720001;  ///< raise it with each change of a member
  static constexpr std::size_t kMost = 64;

  std::uint32_t version = kVersion;
  std::array<pid_t, kMost> pids{};  ///< 0: a free entry

  /// Returns the list of an earlier configuration; null if there is none, or one of another build.
  static Predecessors* in(void* kept) noexcept {
    auto* found = static_cast<Predecessors*>(kept);
    return found != nullptr && found->version == kVersion ? found : nullptr;
  }

  /// Adds a supervisor. Does nothing if the list is full: httpd will call that process a lost
  /// child.
  void add(pid_t pid) noexcept {
    const auto free = std::find(pids.begin(), pids.end(), 0);
    if (free != pids.end()) *free = pid;
  }
  void remove(pid_t pid) noexcept { std::replace(pids.begin(), pids.end(), pid, 0); }
};
static_assert(sizeof(Predecessors) == 4 + 4 * Predecessors::kMost,
              "another layout: raise kVersion, so that other builds do not take it for theirs");

}  // namespace brine::apache

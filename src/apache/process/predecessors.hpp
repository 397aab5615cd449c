// Supervisors of earlier configurations. They end when the last of httpd's children of their time
// does, and are children of httpd's first process all the same, which has to know them: the list is
// kept over restarts, in memory that httpd holds for the module.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace brine::apache {

/// httpd may load another build of the module at a restart: each looks at the version first, and
/// takes nothing else for a list. No pid is as large, so that a list of pids alone is none.
struct Predecessors {
  static constexpr std::uint32_t kVersion = 0x62720001;  ///< raise it with each change of a member
  static constexpr std::size_t kMost = 64;

  std::uint32_t version = kVersion;
  std::array<pid_t, kMost> pids{};  ///< 0: a free place

  /// What an earlier configuration has left, or null: nothing, or something of another build.
  static Predecessors* in(void* kept) noexcept {
    auto* found = static_cast<Predecessors*>(kept);
    return found != nullptr && found->version == kVersion ? found : nullptr;
  }

  /// Nothing happens where the list is full: httpd will call that process a lost child.
  void add(pid_t pid) noexcept {
    const auto free = std::find(pids.begin(), pids.end(), 0);
    if (free != pids.end()) *free = pid;
  }
  void remove(pid_t pid) noexcept { std::replace(pids.begin(), pids.end(), pid, 0); }
};
static_assert(sizeof(Predecessors) == 4 + 4 * Predecessors::kMost,
              "another layout: raise kVersion, so that other builds do not take it for theirs");

}  // namespace brine::apache

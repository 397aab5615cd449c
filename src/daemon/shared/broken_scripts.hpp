// Scripts of a group that do not load, as its processes and their supervisors, one after the other,
// know of them: in shared memory, since what has been said and what nobody has outlives a process.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace brine::daemon {

class BrokenScripts {
 public:
  /// Whether this version of the script (see ScriptVersions) is one of which nobody has said yet
  /// that it does not load. From now on somebody has. Where no place is left, it is said again.
  bool first_to_tell(std::string_view path, std::int64_t version) noexcept;

  /// It loads: should it fail another time, that is news.
  void forget(std::string_view path) noexcept;

  /// Whether none of the processes that serve has the script.
  void set_lacking(std::string_view path, bool lacking) noexcept;
  bool lacking(std::string_view path) const noexcept;

  /// Processes with this code and newer code lack the script, and those with older code have it;
  /// 0: there is no such code. Returns false if no place is left.
  bool set_lacking_from(std::string_view path, std::uint32_t code) noexcept;
  std::uint32_t lacking_from(std::string_view path) const noexcept;

 private:
  struct Entry {
    std::atomic<std::uint64_t> name;  ///< hash of the path; 0: free
    std::atomic<std::uint64_t> told;  ///< version of which it has been said; 0: of none
    std::atomic<bool> lacking;
    std::atomic<std::uint32_t> lacking_from;
  };

  const Entry* find(std::uint64_t name) const noexcept;
  Entry* find_or_add(std::uint64_t name) noexcept;

  std::atomic<std::uint32_t> kept_;  ///< entries with `lacking_from`: each request looks
  std::array<Entry, 64> entries_;
};

}  // namespace brine::daemon

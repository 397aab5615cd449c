// The table of a group's scripts that do not load. It lies in shared memory, where the group's
// processes and the next supervisor find what has been logged and which scripts no process has.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace brine::daemon {

/// A table of fixed size, by the scripts' paths. The supervisor writes it and httpd's children read
/// it, without a lock.
class BrokenScripts {
 public:
  /// Returns true if it has not been logged yet that this version of the script does not load (see
  /// ScriptVersions), and notes that it is logged now. Always returns true if the table is full.
  bool first_to_tell(std::string_view path, std::int64_t version) noexcept;

  /// Notes that the script loads, so that its next failure is logged.
  void forget(std::string_view path) noexcept;

  /// Sets and returns whether no serving process has the script.
  void set_lacking(std::string_view path, bool lacking) noexcept;
  bool lacking(std::string_view path) const noexcept;

  /// Sets and returns the lowest code version whose processes lack the script, while those with
  /// older code have it; 0: there is none. Setting returns false if the table is full.
  bool set_lacking_from(std::string_view path, std::uint32_t code) noexcept;
  std::uint32_t lacking_from(std::string_view path) const noexcept;

 private:
  struct Entry {
    std::atomic<std::uint64_t> name;  ///< hash of the path; 0: free
    std::atomic<std::uint64_t> told;  ///< version whose failure has been logged; 0: none
    std::atomic<bool> lacking;
    std::atomic<std::uint32_t> lacking_from;
  };

  const Entry* find(std::uint64_t name) const noexcept;
  Entry* find_or_add(std::uint64_t name) noexcept;

  std::atomic<std::uint32_t> kept_;  ///< entries with `lacking_from`, for each request's look
  std::array<Entry, 64> entries_;
};

}  // namespace brine::daemon

// How often which hazard was met in this process. Knows no Python.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

namespace brine::pickle {

/// Shared by all interpreters of the process.
class Tally {
 public:
  /// Counts a hazard. True: its `key` (id, module and name) has not been met before. Of more than
  /// `kMostKeys` different ones none is new any more: a program that makes up names shall fill
  /// neither the memory nor the log.
  bool count(const std::string& id, const std::string& key);

  /// How often each id was counted.
  std::map<std::string, std::uint64_t> counts() const;

  static constexpr std::size_t kMostKeys = 1000;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;  // guarded by mutex_
  std::unordered_set<std::string> keys_;         // guarded by mutex_
};

/// The process's own.
Tally& process_tally();

}  // namespace brine::pickle

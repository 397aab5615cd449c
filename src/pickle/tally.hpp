// Counts which hazards this process has met. Does not use Python.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <unordered_set>

namespace brine::pickle {

/// The counts of a process, which all its interpreters share.
class Tally {
 public:
  /// Counts a hazard. Returns true if its `key` (id, module and name) has not been met before.
  /// After `kMostKeys` keys none counts as new, so that a program that makes up names fills neither
  /// the memory nor the log.
  bool count(const std::string& id, const std::string& key);

  /// Returns true if count() would take a key for one that has been met before.
  bool knows(const std::string& key) const;

  /// Counts a hazard whose key has been met before.
  void count_again(const std::string& id);

  /// Returns how often each id was counted.
  std::map<std::string, std::uint64_t> counts() const;

  static constexpr std::size_t kMostKeys = 1000;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> counts_;  // guarded by mutex_
  std::unordered_set<std::string> keys_;         // guarded by mutex_
};

/// Returns the tally of this process.
Tally& process_tally();

}  // namespace brine::pickle

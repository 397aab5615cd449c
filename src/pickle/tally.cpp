#include "pickle/tally.hpp"

namespace brine::pickle {

bool Tally::count(const std::string& id, const std::string& key) {
  const std::lock_guard lock(mutex_);
  ++counts_[id];
  return keys_.size() < kMostKeys && keys_.insert(key).second;
}

bool Tally::knows(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  return keys_.size() >= kMostKeys || keys_.contains(key);
}

void Tally::count_again(const std::string& id) {
  const std::lock_guard lock(mutex_);
  ++counts_[id];
}

std::map<std::string, std::uint64_t> Tally::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

Tally& process_tally() {
  static Tally tally;
  return tally;
}

}  // namespace brine::pickle

#include "daemon/shared/broken_scripts.hpp"

#include <algorithm>
#include <functional>

namespace brine::daemon {

namespace {

// Returns a hash of the path, which is never 0.
std::uint64_t name_of(std::string_view path) noexcept {
  return std::hash<std::string_view>{}(path) | 1U;
}

// Returns what an entry stores for the version: never 0, which is the version of a missing file.
std::uint64_t told_of(std::int64_t version) noexcept {
  return static_cast<std::uint64_t>(version) | (1ULL << 63U);
}

}  // namespace

const BrokenScripts::Entry* BrokenScripts::find(std::uint64_t name) const noexcept {
  const auto* const found =
      std::find_if(entries_.begin(), entries_.end(),
                   [name](const Entry& entry) { return entry.name.load() == name; });
  return found != entries_.end() ? found : nullptr;
}

// Returns the script's entry, or null if the table is full. Entries are never freed, since few
// scripts are ever broken.
BrokenScripts::Entry* BrokenScripts::find_or_add(std::uint64_t name) noexcept {
  for (Entry& entry : entries_) {
    std::uint64_t there = 0;
    // Another process may take the entry first, for the same script or for another one.
    if (entry.name.compare_exchange_strong(there, name) || there == name) return &entry;
  }
  return nullptr;
}

bool BrokenScripts::first_to_tell(std::string_view path, std::int64_t version) noexcept {
  Entry* const entry = find_or_add(name_of(path));
  const std::uint64_t told = told_of(version);
  return entry == nullptr || entry->told.exchange(told) != told;
}

void BrokenScripts::forget(std::string_view path) noexcept {
  const std::uint64_t name = name_of(path);
  for (Entry& entry : entries_) {
    if (entry.name.load() == name) entry.told.store(0);
  }
}

void BrokenScripts::set_lacking(std::string_view path, bool lacking) noexcept {
  // Most scripts have no entry, and need none.
  if (!lacking && find(name_of(path)) == nullptr) return;
  if (Entry* const entry = find_or_add(name_of(path))) entry->lacking.store(lacking);
}

bool BrokenScripts::lacking(std::string_view path) const noexcept {
  const Entry* const entry = find(name_of(path));
  return entry != nullptr && entry->lacking.load();
}

bool BrokenScripts::set_lacking_from(std::string_view path, std::uint32_t code) noexcept {
  if (code == 0 && find(name_of(path)) == nullptr) return true;
  Entry* const entry = find_or_add(name_of(path));
  if (entry == nullptr) return false;
  const std::uint32_t before = entry->lacking_from.exchange(code);
  if (before == 0 && code != 0) kept_.fetch_add(1);
  if (before != 0 && code == 0) kept_.fetch_sub(1);
  return true;
}

std::uint32_t BrokenScripts::lacking_from(std::string_view path) const noexcept {
  if (kept_.load(std::memory_order_acquire) == 0) return 0;
  const Entry* const entry = find(name_of(path));
  return entry != nullptr ? entry->lacking_from.load() : 0;
}

}  // namespace brine::daemon

#include "apache/config/said_once.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>

namespace brine::apache {

namespace {

// Zero bytes are the initial value, a free entry.
using Said = std::array<std::atomic<std::uint64_t>, 256>;

}  // namespace

SaidOnce::SaidOnce() : memory_(sizeof(Said)) {}

bool SaidOnce::first(std::string_view what) noexcept {
  const std::uint64_t name = std::hash<std::string_view>{}(what) | 1U;
  for (std::atomic<std::uint64_t>& place : *reinterpret_cast<Said*>(memory_.data())) {
    std::uint64_t there = 0;
    if (place.compare_exchange_strong(there, name)) {
      return true;
    }
    if (there == name) {
      return false;
    }
  }
  return false;
}

}  // namespace brine::apache

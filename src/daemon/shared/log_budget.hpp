// Limits how many log records of one writer are taken, so that a flood delays no other writer's
// records. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/clock.hpp"

namespace brine::daemon {

/// A budget that refills with time. A record costs one unit, and one more for each full KiB.
class LogBudget {
 public:
  static constexpr std::uint64_t kPerSecond = 1000;
  static constexpr std::uint64_t kAtOnce = 5000;  ///< units after a quiet time

  /// Returns true if a record of `bytes` is within the budget now; counts it as left out if
  /// not.
  bool admit(base::Nanos now, std::uint64_t bytes = 0) noexcept {
    const base::Nanos earned = std::clamp<base::Nanos>(now - at_, 0, kFull);
    left_ = std::min(kFull, left_ + earned);
    at_ = now;
    const base::Nanos price = kPrice * static_cast<base::Nanos>(1 + bytes / 1024);
    if (left_ < price) {
      if (left_out_++ == 0) first_left_out_ = now;
      return false;
    }
    left_ -= price;
    return true;
  }

  /// Returns how many records were left out since this last returned a number; 0 if the first of
  /// them is younger than `after`.
  std::uint64_t take_left_out(base::Nanos now, base::Nanos after = base::kSecond) noexcept {
    if (left_out_ == 0 || now - first_left_out_ < after) return 0;
    const std::uint64_t count = left_out_;
    left_out_ = 0;
    return count;
  }

 private:
  // A unit costs this much time.
  static constexpr base::Nanos kPrice = base::kSecond / static_cast<base::Nanos>(kPerSecond);
  static constexpr base::Nanos kFull = kPrice * static_cast<base::Nanos>(kAtOnce);

  base::Nanos at_ = 0;
  base::Nanos left_ = kFull;
  base::Nanos first_left_out_ = 0;
  std::uint64_t left_out_ = 0;
};

}  // namespace brine::daemon

// The monotonic clock, which all processes of the machine share.
#pragma once

#include <time.h>

#include <chrono>
#include <cstdint>

namespace brine::base {

/// A point in time, in ns since the machine started; 0 stands for "never".
using Nanos = std::int64_t;

/// Returns the time of CLOCK_MONOTONIC.
inline Nanos now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * Nanos{1'000'000'000} + time.tv_nsec;
}

/// Returns the time of day in seconds since the epoch.
inline double seconds_since_epoch() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Returns the time of day in ns since the epoch.
inline std::int64_t nanos_since_epoch() noexcept {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return time.tv_sec * std::int64_t{1'000'000'000} + time.tv_nsec;
}

inline constexpr Nanos kMicrosecond = 1'000;
inline constexpr Nanos kMillisecond = 1'000'000;
inline constexpr Nanos kSecond = 1'000'000'000;
/// The main loops of the supervisor and of daemon processes run at least this often.
inline constexpr Nanos kTick = kSecond;

inline constexpr Nanos nanos(std::chrono::milliseconds time) noexcept {
  return time.count() * kMillisecond;
}

}  // namespace brine::base

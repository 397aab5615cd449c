// Histogram counts durations in buckets of fixed bounds.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"

namespace brine::metrics {

/// The upper bounds of the buckets, included, in ms. One more bucket has what is longer.
inline constexpr std::array<std::int64_t, 13> kBounds = {5,    10,   25,   50,    100,   250,  500,
                                                         1000, 2500, 5000, 10000, 30000, 60000};
inline constexpr std::size_t kBuckets = kBounds.size() + 1;

/// Returns the bucket of a duration; one below 0 is in the first.
inline std::size_t bucket_of(base::Nanos duration) noexcept {
  std::size_t bucket = 0;
  while (bucket < kBounds.size() && duration > kBounds[bucket] * base::kMillisecond) ++bucket;
  return bucket;
}

/// The values of a histogram at one time; buckets are not cumulative.
struct HistogramReading {
  std::array<std::uint64_t, kBuckets> buckets{};
  std::uint64_t nanos = 0;  ///< sum of all durations

  std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t bucket : buckets) sum += bucket;
    return sum;
  }
};

/// Durations as any number of threads and processes count them, without a lock. A reader may see a
/// duration in its bucket and not yet in the sum.
struct Histogram {
  std::array<std::atomic<std::uint64_t>, kBuckets> buckets;
  std::atomic<std::uint64_t> nanos;

  void add(base::Nanos duration) noexcept {
    buckets[bucket_of(duration)].fetch_add(1, std::memory_order_relaxed);
    nanos.fetch_add(static_cast<std::uint64_t>(std::max<base::Nanos>(duration, 0)),
                    std::memory_order_relaxed);
  }
  void add_to(HistogramReading& reading) const noexcept {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      reading.buckets[i] += buckets[i].load(std::memory_order_relaxed);
    }
    reading.nanos += nanos.load(std::memory_order_relaxed);
  }
};

}  // namespace brine::metrics

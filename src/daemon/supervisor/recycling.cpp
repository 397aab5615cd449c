#include "daemon/supervisor/recycling.hpp"

#include <algorithm>
#include <limits>
#include <random>

namespace brine::daemon {

namespace {

// Returns `least` with a part of `jitter` added, the one of the `place`-th of so many processes.
std::uint64_t spread(std::uint64_t least, std::uint64_t jitter, std::uint64_t place,
                     std::uint64_t places, std::mt19937_64& random) {
  if (least == 0) return 0;
  const std::uint64_t part = jitter / places;
  // A jitter of less than one for each process cannot keep them apart.
  const std::uint64_t from = part == 0 ? 0 : part * place;
  const std::uint64_t width = part == 0 ? jitter : part / 2;
  std::uniform_int_distribution<std::uint64_t> within(from, from + width);
  return least + std::min(within(random), std::numeric_limits<std::uint64_t>::max() - least);
}

}  // namespace

RecycleLimits recycle_limits(const Limits& limits, std::uint64_t number, std::size_t processes,
                             std::uint64_t seed) {
  std::mt19937_64 random(seed);
  const std::uint64_t places = std::max<std::size_t>(processes, 1);
  const std::uint64_t place = number % places;
  RecycleLimits own;
  own.maximum_requests =
      spread(limits.maximum_requests, limits.maximum_requests_jitter, place, places, random);
  own.restart_interval = Duration(static_cast<Duration::rep>(spread(
      static_cast<std::uint64_t>(limits.restart_interval.count()),
      static_cast<std::uint64_t>(limits.restart_interval_jitter.count()), place, places, random)));
  own.memory_recycle =
      spread(limits.memory_recycle, limits.memory_recycle_jitter, place, places, random);
  return own;
}

}  // namespace brine::daemon

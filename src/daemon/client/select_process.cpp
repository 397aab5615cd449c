#include "daemon/client/select_process.hpp"

#include <algorithm>
#include <tuple>

namespace brine::daemon {

namespace {

// The kinds of place that a process can offer, the best first.
enum class Place { free, short_line, beside_computing, line, stalled };

Place place_in(const Candidate& candidate, const Wish& wish, bool line_is_full) {
  if (candidate.in_flight < wish.threads) {
    return candidate.computing == 0 ? Place::free : Place::beside_computing;
  }
  if (candidate.stalled) return Place::stalled;
  const bool is_short = candidate.in_flight < 2 * wish.threads && !line_is_full;
  return candidate.brisk && candidate.computing == 0 && is_short ? Place::short_line : Place::line;
}

}  // namespace

bool has_place_beside_computing(std::span<const Candidate> candidates, std::uint32_t threads) {
  return std::any_of(candidates.begin(), candidates.end(), [&](const Candidate& candidate) {
    return candidate.ready && candidate.computing != 0 && candidate.in_flight < threads;
  });
}

std::optional<std::size_t> choose(std::span<const Candidate> candidates, const Wish& wish) {
  const bool line_is_full = waiting(candidates, wish.threads) >= wish.line;
  const auto rank = [&](const Candidate& candidate) {  // the lowest rank is the best
    return std::tuple(candidate.failed, place_in(candidate, wish, line_is_full), ~candidate.code,
                      candidate.computing, candidate.in_flight);
  };
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = candidates[i];
    if (!candidate.ready || candidate.code < wish.least_code) continue;
    if (wish.code_below != 0 ? candidate.code >= wish.code_below : candidate.keeping) continue;
    if (!best || rank(candidates[i]) < rank(candidates[*best])) best = i;
  }
  return best;
}

std::uint64_t waiting(std::span<const Candidate> candidates, std::uint32_t threads) {
  std::uint64_t sum = 0;
  for (const Candidate& candidate : candidates) {
    if (candidate.ready && candidate.in_flight > threads) sum += candidate.in_flight - threads;
  }
  return sum;
}

}  // namespace brine::daemon

#include "daemon/client/select_process.hpp"

#include <tuple>

namespace brine::daemon {

std::optional<std::size_t> choose(std::span<const Candidate> candidates, const Wish& wish) {
  const auto rank = [&](const Candidate& candidate) {  // the lowest rank is the best
    return std::tuple(candidate.failed, candidate.in_flight >= wish.threads, candidate.stalled,
                      ~candidate.code, candidate.in_flight);
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

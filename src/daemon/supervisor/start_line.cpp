#include "daemon/supervisor/start_line.hpp"

#include <algorithm>
#include <tuple>

namespace brine::daemon {

std::vector<std::size_t> next_starts(std::vector<Claim> claims, std::ptrdiff_t places) {
  const auto rank = [](const Claim& claim) {  // the lowest rank goes first
    return std::tuple(claim.missing <= 0, !claim.awaited, claim.served, claim.since, claim.group);
  };
  std::vector<std::size_t> starts;
  for (; places > 0; --places) {
    const auto first =
        std::min_element(claims.begin(), claims.end(),
                         [&](const Claim& a, const Claim& b) { return rank(a) < rank(b); });
    if (first == claims.end() || first->missing <= 0) break;
    starts.push_back(first->group);
    --first->missing;
    first->served = true;
  }
  return starts;
}

}  // namespace brine::daemon

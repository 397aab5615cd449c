// Which of a group's processes a request goes to: a decision without effects.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace brine::daemon {

/// A slot as it was seen.
struct Candidate {
  bool ready = false;  ///< and its gate is open
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::uint32_t in_flight = 0;
  bool stalled = false;  ///< all its threads have had the same request for a while
  bool failed = false;   ///< it had a thread free for this very request, and did not take it up
  bool keeping = false;  ///< it serves only what processes with newer code lack
};

struct Wish {
  std::uint32_t threads = 1;     ///< of each process
  std::uint32_t least_code = 0;  ///< only processes that have loaded this code, or newer
  std::uint32_t code_below = 0;  ///< only older ones: newer ones lack the script; 0: all have it
};

/// The index of the process to go to; nothing if none is ready. One that has failed is the last
/// resort; one with a free thread wins over a line, a line that moves over one that does not, newer
/// code over older, and the less loaded over the other. (A process with older code sends a request
/// back whose script has changed; any other it can serve as well.)
std::optional<std::size_t> choose(std::span<const Candidate> candidates, const Wish& wish);

/// How many requests wait for a thread in all processes that are ready.
std::uint64_t waiting(std::span<const Candidate> candidates, std::uint32_t threads);

}  // namespace brine::daemon

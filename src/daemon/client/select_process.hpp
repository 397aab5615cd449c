// Chooses, in httpd's children, which of a group's processes a request goes to. Pure functions.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace brine::daemon {

/// A slot, as the request saw it.
struct Candidate {
  bool ready = false;  ///< its process is ready, and the gate open
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::uint32_t in_flight = 0;
  bool stalled = false;         ///< all its threads have had the same request for a while
  bool brisk = false;           ///< all its threads have requests, and one has just begun
  std::uint32_t computing = 0;  ///< requests that compute, so that others wait for the GIL
  bool failed = false;          ///< had a thread free for this very request, and did not take it up
  bool keeping = false;         ///< serves only scripts that processes with newer code lack
};

/// The requirements of a request.
struct Wish {
  std::uint32_t threads = 1;     ///< threads of each process
  std::uint32_t least_code = 0;  ///< only processes with this code or newer
  std::uint32_t code_below = 0;  ///< only processes with older code; 0: any
  std::uint32_t line = 0;        ///< requests that may wait in all processes together
};

/// Returns the index of the best process, or nothing if none is ready. The first of these rules
/// that tells two processes apart decides: one that has not failed is better than one that has, a
/// free thread better than a line, a line that moves better than one that does not, newer code
/// better than older, requests that do not compute better than ones that do, fewer requests better
/// than more. A process with older code serves as well as any other, except that it sends a request
/// back if the script has changed. A free thread beside a request that computes waits for turns at
/// the GIL: any other free thread is better, and so is a short, brisk line where nothing computes.
std::optional<std::size_t> choose(std::span<const Candidate> candidates, const Wish& wish);

/// Returns true if a process has a free thread beside a request that computes: only then `brisk`
/// has to be known.
bool has_place_beside_computing(std::span<const Candidate> candidates, std::uint32_t threads);

/// Returns how many requests wait for a thread in all processes that are ready.
std::uint64_t waiting(std::span<const Candidate> candidates, std::uint32_t threads);

}  // namespace brine::daemon

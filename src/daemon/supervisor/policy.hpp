// Decides when the supervisor replaces a serving process, and how long a start is delayed. Pure
// functions.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "base/clock.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The measurements of a serving process that decide whether it is replaced.
struct Vitals {
  base::Nanos ready_at = 0;
  base::Nanos activity = 0;     ///< when its last request began or ended
  base::Nanos gil_touched = 0;  ///< 0: not yet
  std::uint64_t served = 0;
  std::uint32_t in_flight = 0;
  std::uint64_t resident = 0;  ///< bytes; 0: not known
};

/// Returns why a serving process has to be replaced now, or Reason::none.
inline Reason verdict(const Limits& limits, const Vitals& vitals, base::Nanos now) noexcept {
  const auto over = [now](Duration limit, base::Nanos since) {
    return limit.count() != 0 && since != 0 && now - since > base::nanos(limit);
  };
  if (over(limits.deadlock_timeout, vitals.gil_touched)) return Reason::deadlock_timeout;
  if (over(limits.restart_interval, vitals.ready_at)) return Reason::restart_interval;
  if (limits.memory_recycle != 0 && vitals.resident > limits.memory_recycle) {
    return Reason::memory_recycle;
  }
  // A process that has served nothing has no memory to give back.
  if (vitals.served != 0 && vitals.in_flight == 0 &&
      over(limits.inactivity_timeout, std::max(vitals.activity, vitals.ready_at))) {
    return Reason::inactivity_timeout;
  }
  return Reason::none;
}

/// Returns true if a process that is replaced for this reason may serve on until others that are
/// replaced likewise have their successors.
constexpr bool can_wait(Reason reason) noexcept {
  return reason == Reason::maximum_requests || reason == Reason::memory_recycle ||
         reason == Reason::restart_interval || reason == Reason::inactivity_timeout;
}

/// Returns how many of a group's processes are replaced at once for such reasons.
constexpr std::ptrdiff_t recycled_at_once(std::ptrdiff_t processes) noexcept {
  return std::max<std::ptrdiff_t>(processes / 4, 1);
}

/// Returns how long the next start is delayed after `failures` in a row of processes that did not
/// live for long. The first `free_of_charge` ones delay nothing: the successor of a crashed process
/// is wanted at once.
inline base::Nanos back_off(unsigned failures, unsigned free_of_charge) noexcept {
  constexpr base::Nanos kFirst = base::kSecond / 2;
  constexpr base::Nanos kMost = 30 * base::kSecond;
  if (failures <= free_of_charge) return 0;
  return std::min(kMost, kFirst << std::min(failures - free_of_charge - 1, 10U));
}

}  // namespace brine::daemon

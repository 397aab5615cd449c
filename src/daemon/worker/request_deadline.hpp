// Decides what a daemon process's monitor does when a request takes long. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.hpp"

namespace brine::daemon {

/// The steps that the monitor has taken so far about a thread's request.
struct Watched {
  base::Nanos since = 0;  ///< when the request began; 0: there is none
  bool warned = false;
  bool timed_out = false;
  bool given_up = false;  ///< interruption did not end the request: the process has to be replaced
  bool told_slow = false;
};

/// The steps of a request that takes too long, one after the other.
enum class Step : std::uint8_t {
  none,
  warn,       ///< half of request-timeout is over
  time_out,   ///< request-timeout is over
  give_up,    ///< interrupt-timeout is over too
  tell_slow,  ///< the time of WSGISlowRequest is over
};

/// The time limits of a group's requests.
struct RequestTimes {
  base::Nanos timeout = 0;    ///< request-timeout; 0: none
  base::Nanos interrupt = 0;  ///< interrupt-timeout
};

/// The next step for a request that began at `watched.since`, and when to look again (0: never).
struct NextStep {
  Step step = Step::none;
  base::Nanos look_again = 0;
};

/// Returns the next step for a request. `now` is the time of base::now().
inline NextStep next_step(const Watched& watched, const RequestTimes& times,
                          base::Nanos now) noexcept {
  if (times.timeout == 0 || watched.since == 0 || watched.given_up) return {};
  const base::Nanos half = watched.since + times.timeout / 2;
  const base::Nanos end = watched.since + times.timeout;
  const base::Nanos last = end + times.interrupt;
  if (now >= last && watched.timed_out) return {Step::give_up, 0};
  if (watched.timed_out) return {Step::none, last};
  if (now >= end) return {Step::time_out, last};
  if (watched.warned) return {Step::none, end};
  if (now >= half) return {Step::warn, end};
  return {Step::none, half};
}

/// Returns the next step for a request that is to be told of as slow at `slow_at` (0: never).
inline NextStep next_slow_step(const Watched& watched, base::Nanos slow_at,
                               base::Nanos now) noexcept {
  if (slow_at == 0 || watched.since == 0 || watched.told_slow) return {};
  if (now >= slow_at) return {Step::tell_slow, 0};
  return {Step::none, slow_at};
}

}  // namespace brine::daemon

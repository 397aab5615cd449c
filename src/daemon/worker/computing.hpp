// Tells which requests compute, by the processor's time that their threads have used. Pure.
#pragma once

#include "base/clock.hpp"

namespace brine::daemon {

/// A request that uses so much of the processor's time computes: another one in its process waits
/// for turns at the GIL.
inline constexpr base::Nanos kComputes = 20 * base::kMillisecond;

/// A request that has not used kComputes in this time does not compute (any more). It is long, as a
/// busy machine may give a thread a tenth of a processor.
inline constexpr base::Nanos kComputesWithin = 200 * base::kMillisecond;

/// There is no more than one look at all threads in this time.
inline constexpr base::Nanos kLookInterval = 2 * base::kMillisecond;

/// A CpuLook is the finding of a look at a thread.
struct CpuLook {
  base::Nanos since = 0;  ///< when its request began; 0: it had none
  base::Nanos at = 0;     ///< the beginning of what is judged
  base::Nanos cpu = 0;    ///< the time that the thread had used by then
  bool computes = false;
};

/// Returns what another look finds, at `now`, at a thread whose request began at `since` and which
/// has used `cpu` of the processor's time. The first look at a request only notes the time: to read
/// it at the beginning of each request would cost a system call.
constexpr CpuLook look_again(const CpuLook& last, base::Nanos since, base::Nanos now,
                             base::Nanos cpu) noexcept {
  if (since == 0) return {};
  if (last.since != since) return {since, now, cpu, false};
  if (cpu - last.cpu >= kComputes) return {since, now, cpu, true};
  if (now - last.at >= kComputesWithin) return {since, now, cpu, false};
  return last;
}

}  // namespace brine::daemon

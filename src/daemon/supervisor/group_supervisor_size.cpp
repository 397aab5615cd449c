// The part of GroupSupervisor that grows and shrinks a group with processes=MIN-MAX.
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "daemon/supervisor/group_supervisor.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

// Decides anew how many processes the group is to have, and lets those go that are too many.
void GroupSupervisor::resize(Nanos now) {
  if (ending_ || !size_.varies()) return;
  const std::ptrdiff_t before = size_.wanted();
  const Load seen = load(now);
  size_.decide(seen, now);
  note_size(before, seen);
  retire_surplus(now);
}

Load GroupSupervisor::load(Nanos now) const {
  const auto threads = static_cast<std::uint64_t>(std::max(group_.threads, 1));
  Load load;
  for (const Process& process : processes_) {
    if (!process.serves()) continue;
    const std::uint64_t in_flight = read_slot(view_.memory_of(process.slot), now).in_flight;
    ++load.processes;
    load.busy += std::min(in_flight, threads);
    load.waiting += in_flight - std::min(in_flight, threads);
  }
  load.settled = census().starting == 0 && load.processes >= size_.wanted();
  return load;
}

// Publishes the number, with which the next supervisor begins after a graceful restart.
void GroupSupervisor::note_size(std::ptrdiff_t before, const Load& load) {
  const std::ptrdiff_t wanted = size_.wanted();
  if (!superseded_) view_.numbers->wanted.store(static_cast<std::uint32_t>(wanted));
  if (wanted == before) return;
  const std::string size = std::to_string(wanted) + (wanted == 1 ? " process" : " processes");
  if (wanted < before) {
    log_.log(Level::info, "daemon group '" + group_.name + "' shrinks to " + size);
    return;
  }
  growing_ += wanted - before;
  view_.count(Counter::grown, static_cast<std::uint64_t>(wanted - before));
  log_.log(Level::info, "daemon group '" + group_.name + "' grows to " + size +
                            ": all threads are taken, and " + std::to_string(load.waiting) +
                            (load.waiting == 1 ? " request waits" : " requests wait"));
}

// Replaces by nobody the processes that are more than wanted: first those with the fewest requests,
// and of these the youngest.
void GroupSupervisor::retire_surplus(Nanos now) {
  for (std::ptrdiff_t surplus = census().serving - size_.wanted(); surplus > 0; --surplus) {
    const auto rank = [&](const Process& process) {
      return std::tuple(!process.is(Phase::serving),
                        read_slot(view_.memory_of(process.slot), now).in_flight,
                        -process.life.ready_at);
    };
    const auto least =
        std::min_element(processes_.begin(), processes_.end(),
                         [&](const Process& a, const Process& b) { return rank(a) < rank(b); });
    happen(*least, Event::replace, Reason::idle);
  }
}

}  // namespace brine::daemon

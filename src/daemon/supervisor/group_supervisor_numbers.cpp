// The part of GroupSupervisor that shows the group's processes to whoever looks from outside.
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "daemon/supervisor/exit_report.hpp"
#include "daemon/supervisor/group_supervisor.hpp"
#include "metrics/usage.hpp"

namespace brine::daemon {

using base::Nanos;

namespace {

// The usage of a process is looked at once in this time.
constexpr Nanos kUsageInterval = 5 * base::kSecond;

metrics::ProcessState state_in(Phase phase) {
  using metrics::ProcessState;
  switch (phase) {
    case Phase::starting:
      return ProcessState::starting;
    case Phase::serving:
    case Phase::retiring:
      return ProcessState::ready;
    case Phase::keeping:
      return ProcessState::keeping;
    case Phase::draining:
      return ProcessState::draining;
    case Phase::stopping:
    case Phase::ended:
    case Phase::count_:
      break;
  }
  return ProcessState::leaving;
}

Nanos nanos_of(const timeval& time) {
  return time.tv_sec * base::kSecond + time.tv_usec * Nanos{1000};
}

}  // namespace

// Adds the processor time that has not been added yet.
void GroupSupervisor::count_cpu(Process& process, Nanos cpu) const {
  if (cpu <= process.cpu_counted) return;
  view_.numbers->cpu.fetch_add(cpu - process.cpu_counted);
  process.cpu_counted = cpu;
}

void GroupSupervisor::count_last_cpu(Process& process, const rusage& usage) const {
  count_cpu(process, nanos_of(usage.ru_utime) + nanos_of(usage.ru_stime));
}

void GroupSupervisor::look_at_usage(Process& process, Nanos now) const {
  if (process.birth != Birth::done) return;
  if (process.usage_at != 0 && now - process.usage_at < kUsageInterval) return;
  process.usage_at = now;
  if (const auto usage = metrics::usage_of(process.pid)) {
    process.usage = *usage;
    count_cpu(process, usage->cpu);
  }
}

void GroupSupervisor::show(Process& process, Nanos now) const {
  metrics::Board& board = endpoints_.board();
  if (process.row == nullptr) process.row = board.process(process.pid);
  if (process.row == nullptr) return;  // there are more processes than the board has rows
  look_at_usage(process, now);
  const SlotReading reading = read_slot(view_.memory_of(process.slot), now);
  metrics::ProcessReading shown;
  shown.group = board.index_of(*view_.numbers);
  shown.pid = process.pid;
  shown.generation = host_.generation();
  shown.state = state_in(process.life.phase);
  shown.code = process.code;
  shown.in_flight = reading.in_flight;
  shown.served = reading.served;
  shown.started = view_.slots[process.slot].started.load();
  shown.ready = process.life.ready_at;
  shown.resident = process.usage.resident;
  shown.cpu = process.usage.cpu;
  shown.descriptors = process.usage.descriptors;
  shown.threads = process.usage.threads;
  process.row->write(shown);
}

void GroupSupervisor::show_processes(Nanos now) {
  for (Process& process : processes_) {
    if (!process.is(Phase::ended)) show(process, now);
  }
}

void GroupSupervisor::hide(Process& process) {
  if (process.row != nullptr) process.row->release();
  process.row = nullptr;
}

metrics::LifeEvent GroupSupervisor::event_of(const Process& process,
                                             metrics::ProcessEvent event) const {
  metrics::LifeEvent told;
  told.event = event;
  told.group = group_.name;
  told.pid = process.pid;
  told.generation = host_.generation();
  if (process.life.reason != Reason::none) told.reason = reason_name(process.life.reason);
  if (event == metrics::ProcessEvent::start && process.is_grown) told.reason = "grow";
  return told;
}

metrics::LifeEvent GroupSupervisor::end_of(const Process& process,
                                           const ExitReport& exit_report) const {
  metrics::LifeEvent told = event_of(process, metrics::ProcessEvent::end);
  told.how = how_it_ended(exit_report);
  told.age = base::now() - view_.slots[process.slot].started.load();
  told.served = exit_report.served;
  told.peak = static_cast<std::uint64_t>(exit_report.peak_kib) * 1024;
  for (const InProgress& request : exit_report.requests) {
    told.requests.push_back({request.what, request.id, request.age});
  }
  return told;
}

// Takes over the row that a dead supervisor has left for the process.
void GroupSupervisor::adopt_row(Process& process) const {
  process.row = endpoints_.board().row_of(process.pid);
  if (process.row != nullptr) process.cpu_counted = process.row->read().cpu;
}

}  // namespace brine::daemon

#include "apache/process/server_snapshot.hpp"

// The scoreboard's header needs httpd.h before it.
// clang-format off
#include "apache/httpd.hpp"

#include <scoreboard.h>
// clang-format on

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apache/config/daemon_groups.hpp"
#include "apache/config/settings.hpp"
#include "apache/process/daemons.hpp"
#include "base/clock.hpp"
#include "brine/version.h"
#include "metrics/board.hpp"
#include "metrics/usage.hpp"

namespace brine::apache {

namespace {

using metrics::GroupSnapshot;
using metrics::ProcessSnapshot;
using metrics::Snapshot;

// Returns false for a process whose supervisor has died before it could take the process off the
// board.
bool exists(int pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; }

void add_configured(Snapshot& snapshot) {
  for (const DaemonGroup& group : daemon_groups()) {
    GroupSnapshot& shown = snapshot.group(metrics::printable(group.group.name));
    shown.is_daemon = true;
    shown.fault = metrics::printable(group.fault);
    shown.least_processes = static_cast<unsigned>(group.group.least_processes);
    shown.most_processes = static_cast<unsigned>(group.group.processes);
    shown.processes = shown.least_processes;
    shown.threads = static_cast<unsigned>(daemon::thread_count(group.group));
  }
}

// Returns the name of a process's state. One of an earlier configuration serves what is left of the
// requests to httpd's processes of that time.
std::string_view shown_state(const metrics::ProcessReading& reading, int generation) {
  using metrics::ProcessState;
  const bool drains = reading.state == ProcessState::ready && reading.generation != generation;
  const ProcessState state = drains ? ProcessState::draining : reading.state;
  return metrics::kProcessStateNames[static_cast<std::size_t>(state)];
}

// The values that the process itself writes are newer in its slot than on the board, where they are
// those of the supervisor's last look.
struct SlotNumbers {
  daemon::SlotReading reading;
  std::uint32_t busy = 0;
  std::span<const daemon::ThreadRecord> threads{};
};
using Slots = std::map<std::int32_t, SlotNumbers>;

std::uint32_t count_busy(std::span<const daemon::ThreadRecord> threads, base::Nanos now) {
  return static_cast<std::uint32_t>(std::count_if(
      threads.begin(), threads.end(),
      [now](const daemon::ThreadRecord& record) { return daemon::since_of(record, now) != 0; }));
}

Slots read_slots(base::Nanos now) {
  Slots slots;
  for (const DaemonState& daemons : daemon_states()) {
    for (std::size_t i = 0; i < daemons.view.slots.size(); ++i) {
      const std::int32_t pid = daemons.view.slots[i].pid.load();
      if (pid <= 0) continue;
      slots[pid] = {daemon::read_slot(daemons.view.memory_of(i), now),
                    count_busy(daemons.view.threads_of(i), now), daemons.view.threads_of(i)};
    }
  }
  return slots;
}

// Returns true if the row's process still is the one that has written it: one that was killed
// leaves its requests there.
bool is_of_living(const metrics::RunningRow& row, base::Nanos since) {
  const auto usage = metrics::usage_of(row.pid());
  return usage && usage->started <= since;
}

void add_running(const metrics::Board& board, const Slots& slots, base::Nanos now,
                 Snapshot& snapshot) {
  board.each_running([&](const metrics::RunningRow& row) {
    const auto request = row.read();
    if (!request || !is_of_living(row, request->since)) return;
    const metrics::ScriptPlace place = place_of(board, request->script);
    metrics::RunningSnapshot running;
    running.request = metrics::printable(request->name.what.view());
    running.id = metrics::printable(request->name.id.view());
    running.script = place.script;
    running.age = static_cast<double>(std::max<base::Nanos>(now - request->since, 0)) / 1e9;
    running.client = row.pid();
    if (server_settings(ap_server_conf).process.status_stacks) {
      running.key = std::to_string(board.index_of(row)) + "." + std::to_string(request->since);
    }
    running.pid = row.by();
    running.thread = running.pid == row.pid() ? static_cast<std::uint32_t>(row.tid()) : 0;
    if (const auto slot = slots.find(running.pid); slot != slots.end()) {
      const auto thread = daemon::thread_with(slot->second.threads, request->name, now);
      running.thread = thread ? static_cast<std::uint32_t>(*thread + 1) : 0;
      if (!thread) running.pid = 0;  // no thread has taken it up yet
    }
    snapshot.group(place.group).requests.push_back(running);
  });
  for (GroupSnapshot& group : snapshot.groups) {
    std::sort(group.requests.begin(), group.requests.end(),
              [](const auto& a, const auto& b) { return a.age > b.age; });
  }
}

void add_daemon_processes(const metrics::Board& board, const Slots& slots, base::Nanos now,
                          Snapshot& snapshot) {
  board.each_process([&](const metrics::ProcessRow& row) {
    const metrics::ProcessReading reading = row.read();
    const metrics::GroupRow* const group = board.group_at(reading.group);
    if (group == nullptr || reading.pid <= 0 || !exists(reading.pid)) return;
    ProcessSnapshot process;
    process.pid = reading.pid;
    process.generation = reading.generation;
    process.state = shown_state(reading, snapshot.generation);
    process.age = static_cast<double>(std::max<base::Nanos>(now - reading.started, 0)) / 1e9;
    const auto slot = slots.find(reading.pid);
    const bool is_here = slot != slots.end();
    process.in_flight = is_here ? slot->second.reading.in_flight : reading.in_flight;
    process.served = is_here ? slot->second.reading.served : reading.served;
    process.busy = is_here ? slot->second.busy : 0;
    process.code = reading.code;
    process.resident = reading.resident;
    process.cpu = static_cast<double>(reading.cpu) / 1e9;
    process.descriptors = reading.descriptors;
    process.threads = reading.threads;
    GroupSnapshot& shown = snapshot.group(metrics::printable(group->name.text()));
    shown.is_daemon = true;
    shown.running.push_back(process);
  });
}

// httpd's own processes may not look at each other's descriptors.
void add_httpd_processes(Snapshot& snapshot) {
  GroupSnapshot& embedded = snapshot.group(metrics::kEmbedded);
  if (ap_exists_scoreboard_image() == 0) return;
  const global_score& global = *ap_get_scoreboard_global();
  snapshot.generation = static_cast<int>(global.running_generation);
  const base::Nanos now = base::now();
  for (int i = 0; i < global.server_limit; ++i) {
    const process_score& score = *ap_get_scoreboard_process(i);
    const auto usage = score.pid > 0 ? metrics::usage_of(score.pid) : std::nullopt;
    if (!usage) continue;
    ProcessSnapshot process;
    process.pid = score.pid;
    process.generation = static_cast<int>(score.generation);
    process.state = score.quiescing != 0 ? "draining" : "ready";
    process.age = static_cast<double>(std::max<base::Nanos>(now - usage->started, 0)) / 1e9;
    process.resident = usage->resident;
    process.cpu = static_cast<double>(usage->cpu) / 1e9;
    process.descriptors = usage->descriptors;
    process.threads = usage->threads;
    embedded.running.push_back(process);
  }
}

}  // namespace

Snapshot take_snapshot() {
  Snapshot snapshot;
  snapshot.version = BRINE_VERSION;
  snapshot.time = base::seconds_since_epoch();
  add_httpd_processes(snapshot);
  add_configured(snapshot);
  if (const metrics::Board* board = server_settings(ap_server_conf).board) {
    snapshot.started = static_cast<double>(board->made_at.load());
    const base::Nanos now = base::now();
    const Slots slots = read_slots(now);
    add_numbers(*board, snapshot);
    add_daemon_processes(*board, slots, now, snapshot);
    add_running(*board, slots, now, snapshot);
    add_recent(*board, snapshot);
  }
  return snapshot;
}

}  // namespace brine::apache

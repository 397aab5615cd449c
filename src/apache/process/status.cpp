#include "apache/process/status.hpp"

#include <apr_optional_hooks.h>
#include <mod_status.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/daemon_groups.hpp"
#include "apache/guarded.hpp"
#include "apache/process/daemons.hpp"
#include "base/clock.hpp"

namespace brine::apache {

namespace {

using daemon::Counter;
using daemon::SlotState;

// A daemon process, as it was seen at one time.
struct ProcessRow {
  int pid = 0;
  std::string_view state;
  unsigned in_flight = 0;
  apr_uint64_t served = 0;
  apr_int64_t age = 0;  ///< seconds
};

struct GroupRow {
  std::vector<ProcessRow> processes;
  unsigned threads = 1;  ///< of each process
  unsigned ready = 0;
  unsigned in_flight = 0;
  unsigned waiting = 0;  ///< requests in flight that wait for a thread
};

std::string_view state_of(SlotState state, bool gate_closed) {
  switch (state) {
    case SlotState::starting:
      return "starting";
    case SlotState::ready:
      return gate_closed ? "draining" : "ready";
    case SlotState::keeping:
      return gate_closed ? "draining" : "keeping";
    case SlotState::leaving:
      return "leaving";
    case SlotState::empty:
      break;
  }
  return "ended";
}

GroupRow look(const DaemonState& daemons) {
  GroupRow row;
  row.threads = static_cast<unsigned>(std::max(1, daemons.group.threads));
  const base::Nanos now = base::now();
  for (std::size_t i = 0; i < daemons.view.slots.size(); ++i) {
    const daemon::Slot& slot = daemons.view.slots[i];
    const SlotState state = slot.state.load();
    const int pid = slot.pid.load();
    if (state == SlotState::empty || pid == 0) continue;
    const daemon::SlotMemory& memory = daemons.view.memory_of(i);
    const daemon::SlotReading reading = daemon::read_slot(memory, now);
    const bool closed = daemon::gate_of(memory.gate.load()).closed;
    const ProcessRow process = {pid, state_of(state, closed), reading.in_flight, reading.served,
                                (now - slot.started.load()) / base::kSecond};
    row.processes.push_back(process);
    if (process.state == "ready") ++row.ready;
    row.in_flight += reading.in_flight;
    row.waiting += reading.in_flight - std::min(reading.in_flight, row.threads);
  }
  return row;
}

// Calls `show(name, value)` for each counter.
template <class Show>
void each_counter(const daemon::GroupView& view, Show show) {
  for (std::size_t i = 0; i < daemon::kCounterNames.size(); ++i) {
    show(daemon::kCounterNames[i].data(),
         static_cast<apr_uint64_t>(view.counted(static_cast<Counter>(i))));
  }
}

void show_for_programs(request_rec* r, const DaemonState& daemons) {
  const GroupRow row = look(daemons);
  const char* name = daemons.group.name.c_str();
  ap_rprintf(r, "BrineGroup[%s].processes: %u\n", name,
             static_cast<unsigned>(row.processes.size()));
  ap_rprintf(r, "BrineGroup[%s].ready: %u\n", name, row.ready);
  ap_rprintf(r, "BrineGroup[%s].threads: %u\n", name, row.threads);
  ap_rprintf(r, "BrineGroup[%s].in-flight: %u\n", name, row.in_flight);
  ap_rprintf(r, "BrineGroup[%s].waiting: %u\n", name, row.waiting);
  for (const ProcessRow& process : row.processes) {
    ap_rprintf(r,
               "BrineGroup[%s].process[%d]: state=%s in-flight=%u served=%" APR_UINT64_T_FMT
               " age=%" APR_INT64_T_FMT "\n",
               name, process.pid, process.state.data(), process.in_flight, process.served,
               process.age);
  }
  each_counter(daemons.view, [&](const char* counter, apr_uint64_t value) {
    ap_rprintf(r, "BrineGroup[%s].%s: %" APR_UINT64_T_FMT "\n", name, counter, value);
  });
}

void show_for_people(request_rec* r, const DaemonState& daemons) {
  const GroupRow row = look(daemons);
  ap_rprintf(r,
             "<hr />\n<h2>WSGI daemon group %s</h2>\n<p>%u of %d processes ready, %u threads each; "
             "%u requests in flight, %u of them wait for a thread</p>\n"
             "<table border=\"0\"><tr><th>PID</th><th>State</th><th>In flight</th><th>Served</th>"
             "<th>Age (s)</th></tr>\n",
             ap_escape_html(r->pool, daemons.group.name.c_str()), row.ready,
             daemons.group.processes, row.threads, row.in_flight, row.waiting);
  for (const ProcessRow& process : row.processes) {
    ap_rprintf(r,
               "<tr><td>%d</td><td>%s</td><td>%u</td><td>%" APR_UINT64_T_FMT
               "</td><td>%" APR_INT64_T_FMT "</td></tr>\n",
               process.pid, process.state.data(), process.in_flight, process.served, process.age);
  }
  ap_rputs("</table>\n<p>", r);
  const char* separator = "";
  each_counter(daemons.view, [&](const char* counter, apr_uint64_t value) {
    ap_rprintf(r, "%s%s %" APR_UINT64_T_FMT, separator, counter, value);
    separator = ", ";
  });
  ap_rputs("</p>\n", r);
}

// Shows a group that has not been started.
void show_fault(request_rec* r, const DaemonGroup& group, bool for_programs) {
  const char* name = group.group.name.c_str();
  if (for_programs) {
    ap_rprintf(r, "BrineGroup[%s].out-of-order: %s\n", name, group.fault.c_str());
    return;
  }
  ap_rprintf(r, "<hr />\n<h2>WSGI daemon group %s</h2>\n<p>Out of order: %s</p>\n",
             ap_escape_html(r->pool, name), ap_escape_html(r->pool, group.fault.c_str()));
}

int show(request_rec* r, int flags) {
  for (const DaemonGroup& group : daemon_groups()) {
    if (!group.fault.empty()) show_fault(r, group, (flags & AP_STATUS_SHORT) != 0);
  }
  for (const DaemonState& daemons : daemon_states()) {
    (flags & AP_STATUS_SHORT) != 0 ? show_for_programs(r, daemons) : show_for_people(r, daemons);
  }
  return OK;
}

}  // namespace

void register_status_hooks() {
  APR_OPTIONAL_HOOK(ap, status_hook, guarded<&show>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

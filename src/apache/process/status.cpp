#include "apache/process/status.hpp"

#include <apr_optional_hooks.h>
#include <mod_status.h>

#include <cstddef>

#include "apache/guarded.hpp"
#include "apache/process/server_snapshot.hpp"
#include "metrics/counter.hpp"
#include "metrics/snapshot.hpp"

namespace brine::apache {

namespace {

using metrics::GroupSnapshot;
using metrics::ProcessSnapshot;

// Calls `show(name, value)` for each counter.
template <class Show>
void each_counter(const GroupSnapshot& group, Show show) {
  for (std::size_t i = 0; i < metrics::kCounters; ++i) {
    show(metrics::kCounterNames[i].data(), static_cast<apr_uint64_t>(group.counters[i]));
  }
}

apr_int64_t whole_seconds(const ProcessSnapshot& process) {
  return static_cast<apr_int64_t>(process.age);
}

void show_for_programs(request_rec* r, const GroupSnapshot& group) {
  const char* name = group.name.c_str();
  ap_rprintf(r, "BrineGroup[%s].processes: %u\n", name,
             static_cast<unsigned>(group.running.size()));
  ap_rprintf(r, "BrineGroup[%s].ready: %u\n", name, group.ready());
  ap_rprintf(r, "BrineGroup[%s].least-processes: %u\n", name, group.least_processes);
  ap_rprintf(r, "BrineGroup[%s].most-processes: %u\n", name, group.most_processes);
  ap_rprintf(r, "BrineGroup[%s].threads: %u\n", name, group.threads);
  ap_rprintf(r, "BrineGroup[%s].in-flight: %" APR_UINT64_T_FMT "\n", name, group.in_flight());
  ap_rprintf(r, "BrineGroup[%s].waiting: %" APR_UINT64_T_FMT "\n", name, group.waiting());
  ap_rprintf(r, "BrineGroup[%s].busy: %" APR_UINT64_T_FMT "\n", name, group.busy());
  for (const ProcessSnapshot& process : group.running) {
    ap_rprintf(r,
               "BrineGroup[%s].process[%d]: state=%s in-flight=%u served=%" APR_UINT64_T_FMT
               " age=%" APR_INT64_T_FMT " generation=%d\n",
               name, process.pid, process.state.data(), process.in_flight,
               static_cast<apr_uint64_t>(process.served), whole_seconds(process),
               process.generation);
  }
  each_counter(group, [&](const char* counter, apr_uint64_t value) {
    ap_rprintf(r, "BrineGroup[%s].%s: %" APR_UINT64_T_FMT "\n", name, counter, value);
  });
}

void show_for_people(request_rec* r, const GroupSnapshot& group) {
  const char* const range =
      group.least_processes == group.most_processes
          ? ""
          : apr_psprintf(r->pool, " (%u to %u)", group.least_processes, group.most_processes);
  ap_rprintf(
      r,
      "<hr />\n<h2>WSGI daemon group %s</h2>\n<p>%u of %u processes ready%s, %u threads each; "
      "%" APR_UINT64_T_FMT " requests in flight, %" APR_UINT64_T_FMT
      " of them wait for a thread</p>\n"
      "<table border=\"0\"><tr><th>PID</th><th>State</th><th>In flight</th><th>Served</th>"
      "<th>Age (s)</th><th>Generation</th></tr>\n",
      ap_escape_html(r->pool, group.name.c_str()), group.ready(), group.processes, range,
      group.threads, group.in_flight(), group.waiting());
  for (const ProcessSnapshot& process : group.running) {
    ap_rprintf(r,
               "<tr><td>%d</td><td>%s</td><td>%u</td><td>%" APR_UINT64_T_FMT
               "</td><td>%" APR_INT64_T_FMT "</td><td>%d</td></tr>\n",
               process.pid, process.state.data(), process.in_flight,
               static_cast<apr_uint64_t>(process.served), whole_seconds(process),
               process.generation);
  }
  ap_rputs("</table>\n<p>", r);
  const char* separator = "";
  each_counter(group, [&](const char* counter, apr_uint64_t value) {
    ap_rprintf(r, "%s%s %" APR_UINT64_T_FMT, separator, counter, value);
    separator = ", ";
  });
  ap_rputs("</p>\n", r);
}

// Shows a group that has not been started.
void show_fault(request_rec* r, const GroupSnapshot& group, bool for_programs) {
  const char* name = group.name.c_str();
  if (for_programs) {
    ap_rprintf(r, "BrineGroup[%s].out-of-order: %s\n", name, group.fault.c_str());
    return;
  }
  ap_rprintf(r, "<hr />\n<h2>WSGI daemon group %s</h2>\n<p>Out of order: %s</p>\n",
             ap_escape_html(r->pool, name), ap_escape_html(r->pool, group.fault.c_str()));
}

int show(request_rec* r, int flags) {
  const bool for_programs = (flags & AP_STATUS_SHORT) != 0;
  for (const GroupSnapshot& group : take_snapshot().groups) {
    if (!group.fault.empty()) {
      show_fault(r, group, for_programs);
    } else if (group.is_daemon) {
      for_programs ? show_for_programs(r, group) : show_for_people(r, group);
    }
  }
  return OK;
}

}  // namespace

void register_status_hooks() {
  APR_OPTIONAL_HOOK(ap, status_hook, guarded<&show>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

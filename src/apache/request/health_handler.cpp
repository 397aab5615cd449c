#include "apache/request/health_handler.hpp"

#include <ap_mpm.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/daemon_groups.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/httpd.hpp"
#include "apache/process/daemons.hpp"
#include "apache/request/health_target.hpp"
#include "apache/request/only_reading.hpp"

namespace brine::apache {

namespace {

// httpd's processes finish their last requests.
bool is_stopping() {
  int state = 0;
  return ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING;
}

// Returns true if a process of the group serves; its slot is of this very configuration, so it does
// not drain because of a restart.
bool serves(const DaemonState& daemons) {
  const auto& slots = daemons.view.slots;
  return std::any_of(slots.begin(), slots.end(), [](const daemon::Slot& slot) {
    return slot.state.load() == daemon::SlotState::ready;
  });
}

// Returns the names of the groups that cannot serve; of the one group if `wanted` names one.
std::vector<std::string> groups_without_process(std::string_view wanted) {
  std::vector<std::string> result;
  const std::vector<DaemonState> states = daemon_states();
  for (const DaemonGroup& group : daemon_groups()) {
    if (!wanted.empty() && group.group.name != wanted) continue;
    const bool ready = std::any_of(states.begin(), states.end(), [&](const DaemonState& state) {
      return &state.group == &group.group && serves(state);
    });
    if (!ready) result.push_back(group.group.name);
  }
  return result;
}

bool is_group(std::string_view name) {
  const auto& groups = daemon_groups();
  return std::any_of(groups.begin(), groups.end(),
                     [name](const DaemonGroup& group) { return group.group.name == name; });
}

std::string_view section_of(const request_rec* r) {
  const char* const path = core_settings(r).d;
  return path != nullptr ? std::string_view(path) : std::string_view();
}

int tell_health(request_rec* r) {
  if (r->handler == nullptr || std::string_view(r->handler) != "brine-health") {
    return DECLINED;
  }
  if (const std::optional<int> answer = answer_to_other_methods(r); answer) {
    return *answer;
  }
  const std::string_view wanted = health_target(r->uri, section_of(r));
  if (!wanted.empty() && !is_group(wanted)) {
    return HTTP_NOT_FOUND;
  }
  std::string text = is_stopping() ? "httpd is stopping\n" : "";
  for (const std::string& group : groups_without_process(wanted)) {
    text.append("no process of daemon group '").append(group).append("' is ready\n");
  }
  r->status = text.empty() ? HTTP_OK : HTTP_SERVICE_UNAVAILABLE;
  ap_set_content_type(r, "text/plain; charset=utf-8");
  apr_table_setn(r->headers_out, "Cache-Control", "no-store");
  ap_rputs(text.empty() ? "ready\n" : text.c_str(), r);
  return OK;
}

}  // namespace

void register_health_handler() {
  ap_hook_handler(guarded<&tell_health>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

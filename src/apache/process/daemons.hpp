// The daemon processes' place in httpd: the supervisor is forked from httpd's first process, and a
// client for each group lives in each of its children.
#pragma once

#include <string_view>
#include <vector>

#include "apache/httpd.hpp"
#include "daemon/client/client.hpp"

namespace brine::apache {

void register_daemon_hooks();

/// This process's client of a group; null where no such group runs.
daemon::Client* daemon_client(std::string_view group);

/// A group, and what all processes know of each other in it.
struct DaemonState {
  const daemon::Group& group;
  const daemon::GroupView& view;
};

/// All groups that run, in the configuration's order.
std::vector<DaemonState> daemon_states();

}  // namespace brine::apache

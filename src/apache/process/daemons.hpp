// Gives daemon processes their place in httpd: httpd's first process forks the supervisor, and each
// child of httpd has a client for each group.
#pragma once

#include <string_view>
#include <vector>

#include "apache/httpd.hpp"
#include "daemon/client/client.hpp"

namespace brine::apache {

/// Registers the hooks that start the supervisor (post_config), fork it again (monitor), and close
/// its ends in httpd's children (child_init).
void register_daemon_hooks();

/// Returns this process's client of a group, or null if no such group runs.
daemon::Client* daemon_client(std::string_view group);

/// A group, and its part of the scoreboard.
struct DaemonState {
  const daemon::Group& group;
  const daemon::GroupView& view;
};

/// Returns all groups that run, in the configuration's order.
std::vector<DaemonState> daemon_states();

}  // namespace brine::apache

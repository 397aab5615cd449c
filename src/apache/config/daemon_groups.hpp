// Completes the daemon process groups of the configuration, and tells which servers may use them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/settings.hpp"
#include "daemon/shared/group.hpp"

namespace brine::apache {

/// Registers the hook check_config, which checks and completes the groups, also for `httpd -t`.
void register_daemon_group_hooks();

/// Returns all groups, in the configuration's order. They live as long as the configuration.
const std::vector<DaemonGroup>& daemon_groups();

/// Returns the group of this name, or null.
const daemon::Group* find_daemon_group(std::string_view name);

/// Returns what keeps the group from being started, with directive, file and line, or an empty
/// text.
std::string_view daemon_group_fault(std::string_view name);

/// Returns the name that a path of httpd's has in the group's processes: the part behind chroot= if
/// it begins with that, else the same.
std::string_view path_in_group(const daemon::Group& group, std::string_view path);

/// The result of daemon_group_access().
enum class GroupAccess : std::uint8_t { granted, unknown, other_server };

/// Tells whether requests to `server` may run in the group: it must be defined by the main server,
/// or by a virtual host with the same ServerName.
GroupAccess daemon_group_access(std::string_view name, const server_rec* server);

/// Returns a clause for messages: "there are 'a' and 'b'".
std::string list_daemon_groups();

}  // namespace brine::apache

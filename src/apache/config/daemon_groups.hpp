// The daemon process groups of the running configuration: who defines them, who may use them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/settings.hpp"
#include "daemon/shared/group.hpp"

namespace brine::apache {

/// Checks and completes the groups when the configuration has been read, for `httpd -t` too.
void register_daemon_group_hooks();

/// All groups, in the configuration's order. They live as long as the configuration.
const std::vector<DaemonGroup>& daemon_groups();

/// Null: there is none of this name.
const daemon::Group* find_daemon_group(std::string_view name);

/// What keeps the group from being started, with directive, file and line; empty: nothing does.
std::string_view daemon_group_fault(std::string_view name);

/// What a path of httpd's is called in the group's processes: behind chroot=, which begins it, or,
/// where it does not, the same.
std::string_view path_in_group(const daemon::Group& group, std::string_view path);

enum class GroupAccess : std::uint8_t { granted, unknown, other_server };

/// Whether requests to `server` may run in the group: it is the main server's, or that of a virtual
/// host with the same ServerName.
GroupAccess daemon_group_access(std::string_view name, const server_rec* server);

/// A clause for messages: "there are 'a' and 'b'".
std::string list_daemon_groups();

}  // namespace brine::apache

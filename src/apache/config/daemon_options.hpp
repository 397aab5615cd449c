// Parses WSGIDaemonProcess. Pure: no name is looked up, and no file looked at.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/shared/group.hpp"

namespace brine::apache {

/// An option of mod_wsgi that Brine has no use for.
struct WithoutEffect {
  std::string_view name;
  std::string_view missed;  ///< the missing feature that a site relied on; empty: none
};

/// The text for server-metrics=.
inline constexpr std::string_view kNoMetrics =
    "mod_wsgi.server_metrics() returns None in a daemon process, which does not see httpd's "
    "memory: httpd's mod_status has the numbers";

/// The text for newrelic-config-file=, newrelic-environment= and the directives of these names.
inline constexpr std::string_view kNoAgent =
    "no New Relic agent is started: let the script start it, by newrelic.agent.initialize()";

/// The options of one WSGIDaemonProcess. Names that have to be looked up are kept as text beside
/// `group`.
struct DaemonOptions {
  /// The part that the text alone decides; daemon_groups fills in the rest.
  daemon::Group group;
  std::string user;        ///< user=: a name or #id; empty: not given
  std::string user_group;  ///< group=
  std::optional<std::vector<std::string>> supplementary_groups;
  std::vector<std::string> warm_up;  ///< URLs, with their queries
  std::string script_user;
  std::string script_group;
  std::string python_home;                   ///< as given, perhaps relative to ServerRoot
  std::map<std::string, std::string> given;  ///< every option with its text
  std::vector<WithoutEffect> without_effect;
};

/// Parses the arguments of a WSGIDaemonProcess line. Throws std::invalid_argument with a clause
/// that follows the directive's name.
DaemonOptions parse_daemon_options(std::string_view arguments);

/// Parses "30", "1.5s", "500ms", "5m" or "1h"; `bare` is the unit of a bare number. Throws
/// std::invalid_argument.
daemon::Duration parse_duration(std::string_view text,
                                daemon::Duration bare = std::chrono::seconds(1));

/// Parses how long a thread may keep the GIL from others: a duration whose bare number counts
/// seconds. Returns seconds, as sys.setswitchinterval() takes them. Throws std::invalid_argument.
double parse_switch_interval(std::string_view text);

/// Parses a number of bytes: "4096", "512K", "64MB" or "2g". Throws std::invalid_argument.
std::uint64_t parse_size(std::string_view text);

}  // namespace brine::apache

// WSGIDaemonProcess: from the line's text to values. Pure: no name is looked up, no file looked at.
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
  std::string_view missed;  ///< what a site relied on and is not there; empty: nobody can tell
};

/// Of server-metrics= and WSGIServerMetrics.
inline constexpr std::string_view kNoMetrics =
    "there is no mod_wsgi.server_metrics(): httpd's mod_status shows the groups' numbers";

/// Of newrelic-config-file=, newrelic-environment= and the directives of these names.
inline constexpr std::string_view kNoAgent =
    "no New Relic agent is started: let the script start it, by newrelic.agent.initialize()";

/// What one WSGIDaemonProcess says. What has to be looked up is kept as text beside `group`.
struct DaemonOptions {
  /// All that can be known from the text alone; the rest is filled in by daemon_groups.
  daemon::Group group;
  std::string user;        ///< a name or #id, as all users and groups here; empty: not given
  std::string user_group;  ///< group=
  std::optional<std::vector<std::string>> supplementary_groups;
  std::string script_user;
  std::string script_group;
  std::string python_home;                   ///< as given: perhaps relative to ServerRoot
  std::map<std::string, std::string> given;  ///< every option with its text
  std::vector<WithoutEffect> without_effect;
};

/// The arguments of a WSGIDaemonProcess line. Throws std::invalid_argument with a clause that
/// follows the directive's name.
DaemonOptions parse_daemon_options(std::string_view arguments);

/// "30", "1.5s", "500ms", "5m", "1h"; a bare number counts `bare`.
daemon::Duration parse_duration(std::string_view text,
                                daemon::Duration bare = std::chrono::seconds(1));

/// A number of bytes: "4096", "512K", "64MB", "2g".
std::uint64_t parse_size(std::string_view text);

}  // namespace brine::apache

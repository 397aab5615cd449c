// Finds the application that serves a warm-up request (warm-up= of WSGIDaemonProcess).
#pragma once

#include <optional>
#include <string>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "daemon/shared/group.hpp"

namespace brine::apache {

/// Returns the request for `url` that a client of `server` would make, or nothing if no alias of
/// the server leads there, or another group serves it. No file is looked at: root does not wait for
/// a tenant's file system. Throws std::invalid_argument, with a clause about the URL, if the
/// application depends on more than the configuration outside sections.
std::optional<daemon::WarmUp> warm_up(const std::string& url, const daemon::Group& group,
                                      const server_rec* server);

}  // namespace brine::apache

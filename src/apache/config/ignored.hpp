// Logs directives and options of mod_wsgi that Brine accepts and ignores: one line for each,
// however often it stands in the configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/log.hpp"

namespace brine::apache {

/// A record that is logged.
struct IgnoredNotice {
  base::Level level;
  std::string text;
};

/// Why WSGIGroupAuthoritative Off has no effect.
inline constexpr std::string_view kNoAuthority =
    "since httpd 2.4, <RequireAny> and <RequireAll> say how Require lines go together, and a line "
    "'Require wsgi-group' refuses who is in none of its groups, as it does with mod_wsgi";

/// Why the directives of mod_wsgi's telemetry have no effect.
inline constexpr std::string_view kNoTelemetry =
    "nothing is sent to a telemetry service: httpd's mod_status shows the groups' numbers, and "
    "mod_wsgi.request_metrics() those of a process";

/// Why WSGIFreeThreading On has no effect.
inline constexpr std::string_view kNoFreeThreading =
    "it runs every Python with its GIL; for as many processors as there is work for, give the "
    "daemon "
    "group more processes";

/// One for each directive or option, in the order in which they first come.
std::vector<IgnoredNotice> notices_of(const std::vector<Ignored>& ignored);

/// Logs at httpd's start what its servers ignore, and makes the shared memory that .htaccess files,
/// which are read later, use.
void report_ignored(apr_pool_t* pconf, server_rec* main_server);

/// Logs an ignored line of an .htaccess file, which is read for each request, once.
void report_ignored_in_file(const server_rec* server, const Ignored& ignored);

}  // namespace brine::apache

// What Brine accepts for mod_wsgi's sake and does not do, and how that is said: one line for each
// directive or option, however often it stands in the configuration.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "boundary/log.hpp"

namespace brine::apache {

/// A line of the log.
struct IgnoredNotice {
  base::Level level;
  std::string text;
};

/// One for each directive or option, in the order in which they first come.
std::vector<IgnoredNotice> notices_of(const std::vector<Ignored>& ignored);

/// Says at httpd's start what all its servers ignore. .htaccess files, which are read later, find a
/// memory there that all of httpd's processes share.
void report_ignored(apr_pool_t* pconf, server_rec* main_server);

/// Says it of a line in an .htaccess file, which is read for each request: once.
void report_ignored_in_file(const server_rec* server, const Ignored& ignored);

}  // namespace brine::apache

#include "apache/config/request_rec_places.hpp"

#include <optional>

#include "apache/config/reading.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"

namespace brine::apache {

namespace {

// Says once that daemon groups do not have what WSGIPassApacheRequest passes: a warning in `httpd
// -t`, and info at a start, as in mod_wsgi it is so too.
int check_request_rec(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  const DaemonGroups& groups = server_settings(main_server).daemon_groups;
  if (groups.all.empty() || !is_last_reading()) {
    return OK;
  }
  for (const server_rec* server : servers_with_settings(main_server)) {
    if (const std::optional<Place>& place = server_settings(server).request_rec_place) {
      ServerLog(server).log(
          is_configuration_test() ? base::Level::warning : base::Level::info,
          "BRINE0023: WSGIPassApacheRequest" + in_parentheses(*place) +
              " has no effect in daemon groups: a daemon process does not see httpd's memory, so "
              "there is no apache.request_rec in the environ of what runs in one");
      return OK;
    }
  }
  return OK;
}

}  // namespace

// The daemon groups are complete before APR_HOOK_LAST.
void register_request_rec_hooks() {
  ap_hook_check_config(guarded<&check_request_rec>, nullptr, nullptr, APR_HOOK_LAST);
}

}  // namespace brine::apache

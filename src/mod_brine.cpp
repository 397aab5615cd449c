// The module record: what httpd sees of Brine, and which part registers what.
#include "apache/config/alias.hpp"
#include "apache/config/daemon_groups.hpp"
#include "apache/config/directives.hpp"
#include "apache/config/open_names.hpp"
#include "apache/config/request_rec_places.hpp"
#include "apache/config/script_names.hpp"
#include "apache/config/settings.hpp"
#include "apache/process/daemons.hpp"
#include "apache/process/events.hpp"
#include "apache/process/kept_board.hpp"
#include "apache/process/process.hpp"
#include "apache/process/status.hpp"
#include "apache/request/access_script.hpp"
#include "apache/request/authentication.hpp"
#include "apache/request/authorization.hpp"
#include "apache/request/broken_off.hpp"
#include "apache/request/client_address.hpp"
#include "apache/request/handler.hpp"
#include "apache/request/health_handler.hpp"
#include "apache/request/log_notes.hpp"
#include "apache/request/replacing.hpp"
#include "apache/request/request_id.hpp"
#include "apache/request/status_handler.hpp"

namespace {

void register_hooks(apr_pool_t* pool) {
  brine::apache::register_process_hooks();
  brine::apache::register_daemon_group_hooks();
  brine::apache::register_board_hooks();
  brine::apache::register_event_hooks();
  brine::apache::register_daemon_hooks();
  brine::apache::register_client_address_hooks();
  brine::apache::register_request_id_hooks();
  brine::apache::register_alias_hooks();
  brine::apache::register_access_script_hooks();
  brine::apache::register_authentication(pool);
  brine::apache::register_authorization(pool);
  brine::apache::register_handler_hooks();
  brine::apache::register_broken_off_filter();
  brine::apache::register_open_name_hooks();
  brine::apache::register_script_name_hooks();
  brine::apache::register_request_rec_hooks();
  brine::apache::register_replacing_hooks();
  brine::apache::register_log_notes_hooks();
  brine::apache::register_status_hooks();
  brine::apache::register_status_handler();
  brine::apache::register_health_handler();
}

}  // namespace

// The record's name and file name are those of mod_wsgi, which existing configurations ask for:
// <IfModule wsgi_module>, <IfModule mod_wsgi.c>. STANDARD20_MODULE_STUFF would put __FILE__ there.
module_struct wsgi_module = {
    MODULE_MAGIC_NUMBER_MAJOR,
    MODULE_MAGIC_NUMBER_MINOR,
    -1,
    "mod_wsgi.c",
    nullptr,
    nullptr,
    MODULE_MAGIC_COOKIE,
    nullptr,
    brine::apache::create_request_settings,
    brine::apache::merge_request_settings,
    brine::apache::create_server_settings,
    brine::apache::merge_server_settings,
    brine::apache::directive_table,
    register_hooks,
    AP_MODULE_FLAG_NONE,
};

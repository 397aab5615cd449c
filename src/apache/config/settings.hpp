// The settings of the configuration: per request (server, virtual host, directory, .htaccess), per
// server, and per process. A new setting costs three lines: its field, its place in fields(), and
// its row in directives.cpp. One of a script costs the row alone, see boundary/script_settings.hpp.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "apache/config/arguments.hpp"
#include "apache/config/daemon_options.hpp"
#include "apache/config/given_script_settings.hpp"
#include "apache/config/interpreter_options.hpp"
#include "apache/config/proxy_headers.hpp"
#include "apache/config/python_home.hpp"
#include "apache/httpd.hpp"
#include "boundary/script_settings.hpp"
#include "daemon/shared/group.hpp"

namespace brine::metrics {
class Board;
}

namespace brine::apache {

/// A place in the configuration.
struct Place {
  const char* file = "";
  int line = 0;
};

/// Returns " (file:12)", which follows the name of a directive.
std::string in_parentheses(const Place& place);

/// A value that a section of the configuration may give; if it does not, the enclosing one's holds.
/// The alignment lets a static_assert count the fields (see settings.cpp).
template <class T>
struct alignas(8) Setting {
  std::optional<T> value;

  Setting& operator=(T given) {
    value = given;
    return *this;
  }
};

/// A WSGIHandlerScript: a handler's name and the script that serves it.
struct HandlerScript {
  std::string_view name;
  std::string_view script;
  ScriptOptions options;
  const HandlerScript* next = nullptr;
};

/// A list of handler scripts; the first of a name counts.
struct alignas(8) HandlerScripts {
  const HandlerScript* first = nullptr;

  const HandlerScript* find(std::string_view name) const {
    const HandlerScript* script = first;
    while (script != nullptr && script->name != name) {
      script = script->next;
    }
    return script;
  }
};

/// WSGIAccessScript, WSGIAuthUserScript, WSGIAuthGroupScript, WSGIDispatchScript: a script that is
/// asked about requests instead of serving them.
struct DecidingScript {
  const char* directive;
  std::string_view script;
  ScriptOptions options;
  bool of_htaccess = false;  ///< a user of the server says so, not its configuration
};

/// WSGIRestrictProcess: a list of process groups; the empty name is httpd's own processes.
struct AllowedGroup {
  std::string_view name;
  const AllowedGroup* next = nullptr;
};

/// The per-directory settings of httpd. At server level they are the server's own default, which
/// httpd merges into each section, so these fields need no second copy.
struct RequestSettings {
  Setting<std::string_view> process_group;
  Setting<std::string_view> application_group;
  Setting<std::string_view> callable;
  Setting<bool> pass_authorization;
  Setting<bool> pass_apache_request;
  Setting<HeadMapping> map_head_to_get;
  Setting<ChunkedRequest> chunked_request;
  Setting<std::int64_t> request_buffering;
  Setting<std::int64_t> response_buffering;
  Setting<bool> enable_sendfile;
  Setting<bool> location_redirect;
  Setting<bool> error_override;
  Setting<bool> strict_headers;
  GivenScriptSettings script;
  Setting<const AllowedGroup*> allowed_groups;
  Setting<TrustedHeaders> trusted_proxy_headers;
  Setting<TrustedProxies*> trusted_proxies;
  Setting<std::int64_t> slow_request;           ///< in ms; 0: Off
  Setting<std::string_view> request_id_header;  ///< empty: Off
  Setting<const DecidingScript*> access_script;
  Setting<const DecidingScript*> auth_user_script;
  Setting<const DecidingScript*> auth_group_script;
  Setting<const DecidingScript*> dispatch_script;
  HandlerScripts handler_scripts;

  auto fields() {
    return std::tie(process_group, application_group, callable, pass_authorization,
                    pass_apache_request, map_head_to_get, chunked_request, request_buffering,
                    response_buffering, enable_sendfile, location_redirect, error_override,
                    strict_headers, script, allowed_groups, access_script, auth_user_script,
                    auth_group_script, dispatch_script, trusted_proxy_headers, trusted_proxies,
                    request_id_header, slow_request, handler_scripts);
  }
};

/// RequestSettings with every default filled in; those of the script are script_settings().
struct ResolvedSettings {
  std::string_view process_group;
  std::string_view application_group;
  std::string_view callable;
  bool pass_authorization;
  bool pass_apache_request;
  HeadMapping map_head_to_get;
  ChunkedRequest chunked_request;
  std::int64_t request_buffering;   ///< bytes; 0: Off
  std::int64_t response_buffering;  ///< bytes; 0: Off
  bool enable_sendfile;
  std::optional<bool> location_redirect;  ///< absent: On in daemon processes only
  bool error_override;
  bool strict_headers;
  std::int64_t slow_request;           ///< ms; 0: Off
  const AllowedGroup* allowed_groups;  ///< null: all
};

/// Returns the settings of httpd's core for a request.
inline const core_dir_config& core_settings(const request_rec* r) {
  return *static_cast<core_dir_config*>(ap_get_core_module_config(r->per_dir_config));
}

/// Returns the settings with all defaults; `core` gives those that follow httpd's own directives
/// (EnableSendfile).
ResolvedSettings resolve(const RequestSettings& settings, const core_dir_config& core);

/// Returns the settings of a script that runs in `process_group` (empty: httpd's own processes),
/// with all defaults.
wsgi::ScriptSettings script_settings(const RequestSettings& settings,
                                     std::string_view process_group);

/// Gives each field that `own` leaves unset the value of `parent`.
void inherit(RequestSettings& own, RequestSettings& parent, apr_pool_t* pool);

/// A WSGIScriptAlias or WSGIScriptAliasMatch.
struct Alias {
  std::string_view url;              ///< the URL path, or the regular expression's text
  std::string_view target;           ///< file or directory
  ap_regex_t* expression = nullptr;  ///< null: a prefix
  ScriptOptions options;
  Place place;
};

/// A script that is loaded at the start: a WSGIImportScript, or an alias that names both groups.
struct Preload {
  std::string_view script;
  std::string_view callable;
  std::string_view application_group;
  std::string_view process_group = {};
};

/// A name that a script has, whatever its path is (WSGIScriptName, or name= of an alias).
struct ScriptName {
  std::string_view name;
  std::string_view script;  ///< absolute path
  const char* directive;
  Place place;
};

/// A process group that a directive names outright. Whether there is one is known only after the
/// whole configuration has been read.
struct GroupReference {
  const char* directive;
  std::string_view group;
  Place place;
  bool at_start = false;  ///< the group has to load a script, even without a request
};

/// A WSGIDaemonProcess.
struct DaemonDefinition {
  DaemonOptions options;
  Place place;
};

/// A daemon process group, defined by one server or alike by several.
struct DaemonGroup {
  daemon::Group group;
  server_rec* server;                      ///< the first to define it: its error log is the group's
  std::vector<const server_rec*> servers;  ///< all that define it
  Place place;                             ///< of the first definition
  std::string fault = {};  ///< why it is out of order, with directive, file and line; or empty
};

/// All daemon process groups, complete once the configuration has been checked.
struct DaemonGroups {
  std::vector<DaemonGroup> all;  ///< in the configuration's order
  std::map<std::string_view, const DaemonGroup*> by_name;
};

/// A directive, or an option of one, that Brine accepts and ignores.
struct Ignored {
  std::string what;
  Place place;
  std::string_view why = {};  ///< a clause that continues "has no effect in Brine"
  bool missed = false;        ///< a site may have relied on it
};

/// A name of application groups that requests may fill in.
struct OpenName {
  std::string_view name;  ///< %{HOST}, %{ENV:...}
  const char* directive;
  Place place;
};

/// The values of WSGIInterpreterLimit.
struct InterpreterLimits {
  int configured = 64;         ///< how many sub-interpreters the configuration may name
  std::optional<int> clients;  ///< how many clients may name; absent: the default

  int of_clients() const { return clients.value_or(std::min(configured, 16)); }
};

/// The settings of the whole server, mostly about the embedded Python.
struct ProcessSettings {
  std::string python;  ///< "3.12", or empty: the default engine
  Place python_place;
  std::string python_home;  ///< as configured, absolute
  Place python_home_place;
  std::string home_fault;    ///< why Python cannot run in httpd's own processes, or empty
  PythonHome resolved_home;  ///< set once the whole configuration is known
  InterpreterSettings interpreters;
  std::string python_eggs;
  bool status_stacks = false;
  std::string event_log;  ///< WSGIEventLog: an absolute path, or "|" and a program; or empty
  std::vector<std::string> python_warnings;
  int python_optimize = 0;
  bool dont_write_bytecode = false;
  std::string hash_seed;
  bool restrict_embedded = false;
  bool server_metrics = false;
  bool case_sensitive = true;
  InterpreterLimits interpreter_limits;
};

class Daemons;
class SaidOnce;

/// Settings of the main server or of one virtual host.
struct ServerSettings {
  /// In the order in which they are tried: this server's own, then the main server's.
  std::vector<Alias> aliases;
  std::size_t own_aliases = 0;           ///< how many of them this very server configures
  std::vector<Preload> preloads;         ///< this server's own, for httpd's own processes
  std::vector<Preload> daemon_preloads;  ///< this server's own, for daemon processes
  std::vector<ScriptName> script_names;  ///< this server's own
  std::vector<Ignored> ignored;          ///< this server's own
  std::vector<DaemonDefinition> daemon_definitions;
  std::vector<GroupReference> group_references;
  std::vector<OpenName> open_names;          ///< this server's own
  std::optional<Place> request_rec_place;    ///< of this server's first WSGIPassApacheRequest On
  std::optional<Place> proxy_headers_place;  ///< of this server's own WSGITrustedProxyHeaders
  std::optional<Place> request_id_place;     ///< of this server's own WSGIRequestIdHeader
  bool trusts_proxies = false;               ///< WSGITrustedProxies stands in this very server
  std::optional<bool> log_json;              ///< WSGILogFormat JSON
  /// A directive here says that requests will need Python in httpd's own processes.
  bool serves_wsgi = false;
  bool names_no_group = false;       ///< a script here runs where WSGIProcessGroup says
  ProcessSettings process;           ///< of the main server only
  DaemonGroups daemon_groups;        ///< of the main server only
  bool shows_log_notes = false;      ///< of the main server only: the configuration names one
  metrics::Board* board = nullptr;   ///< of the main server only, once httpd has been configured
  int event_fd = -1;                 ///< of the main server only: WSGIEventLog's, once it is open
  Daemons* daemons = nullptr;        ///< of the main server only, after they have been started
  SaidOnce* said_once = nullptr;     ///< of the main server: ignored lines of .htaccess files
  SaidOnce* told_scripts = nullptr;  ///< of the main server: scripts that BRINE0409 names
};

const RequestSettings& request_settings(const request_rec* r);
ServerSettings& server_settings(const server_rec* s);
/// Returns the main server, then the virtual hosts that have settings of their own, in the
/// configuration's order. httpd gives a virtual host without any of our directives the main
/// server's settings.
std::vector<server_rec*> servers_with_settings(server_rec* main_server);
/// Returns the settings of a server outside all sections, which hold where no request is served.
const RequestSettings& settings_outside_sections(const server_rec* s);

void* create_request_settings(apr_pool_t* pool, char* directory);
void* merge_request_settings(apr_pool_t* pool, void* parent, void* child);
void* create_server_settings(apr_pool_t* pool, server_rec* s);
void* merge_server_settings(apr_pool_t* pool, void* main_server, void* virtual_host);

}  // namespace brine::apache

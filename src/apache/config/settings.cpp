#include "apache/config/settings.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "apache/log.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

template <class... Fields>
constexpr std::size_t total_size(std::tuple<Fields&...>*) {
  return (sizeof(Fields) + ...);
}

// The struct has no padding, since every field's size is a multiple of its alignment, 8. So the
// sums differ if fields() lacks a field.
using Listed = decltype(std::declval<RequestSettings&>().fields());
static_assert(total_size(static_cast<Listed*>(nullptr)) == sizeof(RequestSettings),
              "RequestSettings::fields() does not list every field");

template <class T>
void inherit_field(Setting<T>& own, const Setting<T>& parent, apr_pool_t*) {
  if (!own.value) {
    own = parent;
  }
}

void inherit_field(GivenScriptSettings& own, const GivenScriptSettings& parent, apr_pool_t*) {
  own.inherit(parent);
}

// Copies the child's few nodes, and chains the parent's list behind them.
void inherit_field(HandlerScripts& own, const HandlerScripts& parent, apr_pool_t* pool) {
  if (parent.first == nullptr) {
    return;
  }
  HandlerScripts merged;
  const HandlerScript** tail = &merged.first;
  for (const HandlerScript* script = own.first; script != nullptr; script = script->next) {
    HandlerScript* copy = base::pool_emplace<HandlerScript>(pool, *script);
    *tail = copy;
    tail = &copy->next;
  }
  *tail = parent.first;
  own = merged;
}

}  // namespace

void inherit(RequestSettings& own, RequestSettings& parent, apr_pool_t* pool) {
  auto own_fields = own.fields();
  auto parent_fields = parent.fields();
  const auto inherit_each = [&]<std::size_t... i>(std::index_sequence<i...>) {
    (inherit_field(std::get<i>(own_fields), std::get<i>(parent_fields), pool), ...);
  };
  inherit_each(std::make_index_sequence<std::tuple_size_v<Listed>>());
}

ResolvedSettings resolve(const RequestSettings& settings, const core_dir_config& core) {
  return {
      .process_group = settings.process_group.value.value_or(""),
      .application_group = settings.application_group.value.value_or("%{RESOURCE}"),
      .callable = settings.callable.value.value_or("application"),
      .pass_authorization = settings.pass_authorization.value.value_or(false),
      .pass_apache_request = settings.pass_apache_request.value.value_or(false),
      .map_head_to_get = settings.map_head_to_get.value.value_or(HeadMapping::automatic),
      .chunked_request = settings.chunked_request.value.value_or(ChunkedRequest::on),
      .request_buffering = settings.request_buffering.value.value_or(0),
      .response_buffering = settings.response_buffering.value.value_or(0),
      .enable_sendfile =
          settings.enable_sendfile.value.value_or(core.enable_sendfile != ENABLE_SENDFILE_OFF),
      .location_redirect = settings.location_redirect.value,
      .error_override = settings.error_override.value.value_or(false),
      .strict_headers = settings.strict_headers.value.value_or(false),
      .slow_request = settings.slow_request.value.value_or(0),
      .allowed_groups = settings.allowed_groups.value.value_or(nullptr),
  };
}

wsgi::ScriptSettings script_settings(const RequestSettings& settings,
                                     std::string_view process_group) {
  wsgi::ScriptSettings result = settings.script.values();
  // httpd's own processes are not replaced for a script.
  if (process_group.empty() && by_another_process(result.reloading)) {
    result.reloading = wsgi::Reloading::in_place;
  }
  return result;
}

const RequestSettings& request_settings(const request_rec* r) {
  return *static_cast<const RequestSettings*>(
      ap_get_module_config(r->per_dir_config, &wsgi_module));
}

ServerSettings& server_settings(const server_rec* s) {
  return *static_cast<ServerSettings*>(ap_get_module_config(s->module_config, &wsgi_module));
}

bool logs_json(const server_rec* server) noexcept {
  return server->module_config != nullptr && server_settings(server).log_json.value_or(false);
}

const RequestSettings& settings_outside_sections(const server_rec* s) {
  return *static_cast<const RequestSettings*>(
      ap_get_module_config(s->lookup_defaults, &wsgi_module));
}

std::string in_parentheses(const Place& place) {
  return std::string(" (") + place.file + ":" + std::to_string(place.line) + ")";
}

void* create_request_settings(apr_pool_t* pool, char*) {
  return base::pool_emplace<RequestSettings>(pool);
}

void* merge_request_settings(apr_pool_t* pool, void* parent, void* child) {
  auto* merged = base::pool_emplace<RequestSettings>(pool, *static_cast<RequestSettings*>(child));
  inherit(*merged, *static_cast<RequestSettings*>(parent), pool);
  return merged;
}

std::vector<server_rec*> servers_with_settings(server_rec* main_server) {
  std::vector<server_rec*> servers;
  for (server_rec* server = main_server->next; server != nullptr; server = server->next) {
    if (&server_settings(server) != &server_settings(main_server)) {
      servers.push_back(server);
    }
  }
  servers.push_back(main_server);
  std::reverse(servers.begin(), servers.end());  // httpd's own list has the last one first
  return servers;
}

void* create_server_settings(apr_pool_t* pool, server_rec*) {
  return base::pool_emplace<ServerSettings>(pool);
}

void* merge_server_settings(apr_pool_t* pool, void* main_server, void* virtual_host) {
  const auto& inherited = static_cast<ServerSettings*>(main_server)->aliases;
  auto* merged =
      base::pool_emplace<ServerSettings>(pool, *static_cast<ServerSettings*>(virtual_host));
  if (!merged->log_json) {
    merged->log_json = static_cast<ServerSettings*>(main_server)->log_json;
  }
  merged->aliases.insert(merged->aliases.end(), inherited.begin(), inherited.end());
  return merged;
}

}  // namespace brine::apache

#include "apache/request/expansion.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <span>
#include <string>

#include "apache/config/alias.hpp"
#include "apache/config/paths.hpp"
#include "apache/config/settings.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

// Returns NAME of "%{ENV:NAME}", NUL-terminated in the pool, or null.
const char* environment_name(request_rec* r, std::string_view value) {
  constexpr std::string_view kOpening = "%{ENV:";
  if (!value.starts_with(kOpening) || !value.ends_with('}')) {
    return nullptr;
  }
  value.remove_prefix(kOpening.size());
  value.remove_suffix(1);
  return base::pool_copy(r->pool, value).data();
}

struct Variable {
  const char* value = nullptr;  // null: it is not set
  bool of_the_process = false;  // the variable is in httpd's own environment
};

Variable look_up(request_rec* r, const char* name) {
  const char* value = apr_table_get(r->notes, name);
  if (value == nullptr) {
    value = apr_table_get(r->subprocess_env, name);
  }
  return value != nullptr ? Variable{value, false} : Variable{std::getenv(name), true};
}

// Returns the DocumentRoot of the configuration, whatever a module (mod_vhost_alias) uses instead
// for the request.
std::string_view configured_root(const request_rec* r) {
  const auto* core =
      static_cast<const core_server_config*>(ap_get_core_module_config(r->server->module_config));
  return core->ap_document_root != nullptr ? core->ap_document_root : "";
}

std::string_view path_info(const request_rec* r) {
  return r->path_info != nullptr ? r->path_info : "";
}

// Returns the name in lower case, unless WSGICaseSensitivity is On.
std::string cased(std::string name) {
  if (!server_settings(ap_server_conf).process.case_sensitive) {
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return static_cast<char>(apr_tolower(c)); });
  }
  return name;
}

// Returns the name that the configuration and the file system give to the request's script, without
// any word of a client's.
std::string resource_name(request_rec* r, const HandlerScript* handler) {
  if (handler != nullptr) {
    return std::string(handler->script);
  }
  const Alias* alias = matched_alias(r);
  if (alias == nullptr) {
    return resource_of_file(script_name(r->uri, path_info(r)), r->filename, configured_root(r));
  }
  return alias->expression == nullptr ? resource_of_prefix(alias->url, alias->target, r->filename)
                                      : resource_of_expression(alias->url, r->filename);
}

// Returns true if the name is a ServerName or ServerAlias of the request's virtual host. Otherwise
// a wildcard matched, or the host is the default one.
bool is_name_of_server(const server_rec* server, const char* name) {
  if (strcasecmp(name, server->server_hostname != nullptr ? server->server_hostname : "") == 0) {
    return true;
  }
  const apr_array_header_t* names = server->names;
  const std::span<char* const> aliases(
      names != nullptr ? reinterpret_cast<char* const*>(names->elts) : nullptr,
      names != nullptr ? static_cast<std::size_t>(names->nelts) : 0);
  return std::any_of(aliases.begin(), aliases.end(), [name](const char* alias) {
    return alias != nullptr && strcasecmp(name, alias) == 0;
  });
}

// Returns the port of the request's URL. A port that only the client can have named is not
// believed, since each one would make an interpreter. If the configuration names none, the port of
// a client behind a proxy is a usual one.
apr_port_t known_port(request_rec* r) {
  const apr_port_t port = ap_get_server_port(r);
  const apr_port_t own = r->connection->local_addr->port;
  const apr_port_t configured = r->server->port;
  if (port == own || port == configured) {
    return port;
  }
  const bool usual = port == DEFAULT_HTTP_PORT || port == DEFAULT_HTTPS_PORT;
  return configured != 0 ? configured : usual ? port : own;
}

// Returns "host" or "host:8080".
std::string with_port(request_rec* r, const char* host) {
  std::string name = host != nullptr ? host : "";
  const apr_port_t port = known_port(r);
  if (port != DEFAULT_HTTP_PORT && port != DEFAULT_HTTPS_PORT) {
    name.append(":").append(std::to_string(port));
  }
  return name;
}

std::string_view server_group(request_rec* r) {
  return base::pool_copy(r->pool, with_port(r, r->server->server_hostname));
}

bool names_host(const request_rec* r) { return r->hostname != nullptr && *r->hostname != '\0'; }

std::string_view host_group(request_rec* r) {
  return names_host(r) ? base::pool_copy(r->pool, with_port(r, r->hostname)) : server_group(r);
}

std::string_view resource_group(request_rec* r, const std::string& resource) {
  std::string name = with_port(r, r->server->server_hostname);
  name.append("|").append(cased(resource));
  return base::pool_copy(r->pool, name);
}

// Expands `%{ENV:NAME}`, whose value may be another expansion. Other values stand for themselves,
// and so does a variable that is not set.
ApplicationGroupName expand_variable(request_rec* r, std::string_view value) {
  const char* name = environment_name(r, value);
  const Variable found = name != nullptr ? look_up(r, name) : Variable{};
  if (found.value == nullptr) {
    return {value, wsgi::NamedBy::configuration};
  }
  return {found.value,
          found.of_the_process ? wsgi::NamedBy::configuration : wsgi::NamedBy::variable};
}

// Expands what needs no more than the server and the Host header.
std::optional<ApplicationGroupName> expand_fixed(request_rec* r, std::string_view value) {
  if (value == "%{GLOBAL}") {
    return ApplicationGroupName{"", wsgi::NamedBy::configuration};
  }
  if (value == "%{SERVER}") {
    return ApplicationGroupName{server_group(r), wsgi::NamedBy::configuration};
  }
  if (value == "%{HOST}") {
    const bool known = !names_host(r) || is_name_of_server(r->server, r->hostname);
    return ApplicationGroupName{host_group(r),
                                known ? wsgi::NamedBy::configuration : wsgi::NamedBy::host};
  }
  return std::nullopt;
}

}  // namespace

std::string_view expand_process_group(request_rec* r, std::string_view value) {
  if (!value.starts_with('%')) {
    return value;
  }
  const ApplicationGroupName group = expand_variable(r, value);
  if (group.text == "%{RESOURCE}") {
    return resource_group(r, collapse_slashes(script_name(r->uri, path_info(r))));
  }
  return expand_fixed(r, group.text).value_or(group).text;
}

ApplicationGroupName expand_application_group(request_rec* r, std::string_view value,
                                              const HandlerScript* handler) {
  if (!value.starts_with('%')) {
    return {value, wsgi::NamedBy::configuration};
  }
  const ApplicationGroupName group = expand_variable(r, value);
  if (group.text == "%{RESOURCE}") {
    return {resource_group(r, resource_name(r, handler)), wsgi::NamedBy::configuration};
  }
  return expand_fixed(r, group.text).value_or(group);
}

std::string_view expand_callable(request_rec* r, std::string_view value) {
  const char* name = environment_name(r, value);
  if (name == nullptr) {
    return value;
  }
  const char* found = look_up(r, name).value;
  return found != nullptr ? found : "application";
}

}  // namespace brine::apache

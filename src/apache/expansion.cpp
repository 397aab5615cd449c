#include "apache/expansion.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string>

#include "apache/paths.hpp"
#include "apache/settings.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

// NAME of "%{ENV:NAME}", NUL-terminated in the pool, or null.
const char* environment_name(request_rec* r, std::string_view value) {
  constexpr std::string_view kOpening = "%{ENV:";
  if (!value.starts_with(kOpening) || !value.ends_with('}')) {
    return nullptr;
  }
  value.remove_prefix(kOpening.size());
  value.remove_suffix(1);
  return base::pool_copy(r->pool, value).data();
}

const char* look_up(request_rec* r, const char* name) {
  const char* value = apr_table_get(r->notes, name);
  if (value == nullptr) {
    value = apr_table_get(r->subprocess_env, name);
  }
  return value != nullptr ? value : std::getenv(name);
}

// SCRIPT_NAME as a part of an interpreter's name.
std::string resource_path(request_rec* r) {
  const bool case_sensitive = server_settings(ap_server_conf).process.case_sensitive;
  const std::string_view path_info = r->path_info != nullptr ? r->path_info : "";
  std::string path = collapse_slashes(script_name(r->uri, path_info));
  if (!case_sensitive) {
    std::transform(path.begin(), path.end(), path.begin(),
                   [](char c) { return static_cast<char>(apr_tolower(c)); });
  }
  return path;
}

// The port of the request's URL. One that only the client can have named is not believed: each name
// that it made up would be an interpreter.
apr_port_t known_port(request_rec* r) {
  const apr_port_t port = ap_get_server_port(r);
  const apr_port_t own = r->connection->local_addr->port;
  const bool known = port == own || port == r->server->port || port == DEFAULT_HTTP_PORT ||
                     port == DEFAULT_HTTPS_PORT;
  return known ? port : own;
}

// "host" or "host:8080".
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

std::string_view host_group(request_rec* r) {
  const bool named = r->hostname != nullptr && *r->hostname != '\0';
  return named ? base::pool_copy(r->pool, with_port(r, r->hostname)) : server_group(r);
}

std::string_view resource_group(request_rec* r) {
  std::string name = with_port(r, r->server->server_hostname);
  name.append("|").append(resource_path(r));
  return base::pool_copy(r->pool, name);
}

}  // namespace

std::string_view expand_group(request_rec* r, std::string_view value) {
  if (!value.starts_with('%')) {
    return value;
  }
  if (const char* name = environment_name(r, value)) {
    const char* found = look_up(r, name);
    if (found == nullptr) {
      return value;
    }
    // What the variable holds may be one of the other expansions.
    value = found;
  }
  if (value == "%{GLOBAL}") {
    return "";
  }
  if (value == "%{RESOURCE}") {
    return resource_group(r);
  }
  if (value == "%{SERVER}") {
    return server_group(r);
  }
  return value == "%{HOST}" ? host_group(r) : value;
}

std::string_view expand_callable(request_rec* r, std::string_view value) {
  const char* name = environment_name(r, value);
  if (name == nullptr) {
    return value;
  }
  const char* found = look_up(r, name);
  return found != nullptr ? found : "application";
}

}  // namespace brine::apache

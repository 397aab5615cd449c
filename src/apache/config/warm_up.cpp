#include "apache/config/warm_up.hpp"

#include <ap_listen.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "apache/config/daemon_groups.hpp"
#include "apache/config/paths.hpp"
#include "base/pool.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// A URL path behind an alias: the file with all that follows it, and how much of the path led to
// the alias's target.
struct Mapped {
  std::string file;
  std::size_t matched = 0;
};

std::string decoded(std::string path) {
  if (ap_unescape_url(path.data()) != OK) {
    throw std::invalid_argument("it holds a % that is not that of a sign, or one of a slash");
  }
  path.resize(std::char_traits<char>::length(path.c_str()));
  return path;
}

// Does as the hook translate_name, see alias.cpp.
std::optional<Mapped> follow(const Alias& alias, const std::string& path, apr_pool_t* pool) {
  if (alias.expression == nullptr) {
    const std::size_t matched = match_prefix(alias.url, path);
    if (matched == 0) return std::nullopt;
    const std::size_t end = alias.url == "/" ? 0 : matched;
    return Mapped{std::string(alias.target) + path.substr(end), end};
  }
  ap_regmatch_t groups[AP_MAX_REG_MATCH];
  if (ap_regexec(alias.expression, path.c_str(), AP_MAX_REG_MATCH, groups, 0) != 0) {
    return std::nullopt;
  }
  const char* const target =
      ap_pregsub(pool, alias.target.data(), path.c_str(), AP_MAX_REG_MATCH, groups);
  auto end = static_cast<std::size_t>(groups[0].rm_eo);
  if (target == nullptr || end == 0) return std::nullopt;
  if (end == 1) end = 0;  // the slash stays behind the target
  return Mapped{target + path.substr(end), end};
}

// Splits the file from the PATH_INFO behind it. A target that ends with a slash is a folder of
// scripts.
void split(const Alias& alias, const std::string& path, const Mapped& mapped,
           daemon::WarmUp& request) {
  std::size_t rest = path.size() - mapped.matched;
  if (alias.target.ends_with('/')) {
    const std::size_t name = path.find_first_not_of('/', mapped.matched);
    const std::size_t end =
        std::min(name == std::string::npos ? name : path.find('/', name), path.size());
    rest = path.size() - end;
  }
  request.script.path = collapse_slashes(mapped.file.substr(0, mapped.file.size() - rest));
  request.script_name = collapse_slashes(path.substr(0, path.size() - rest));
  request.path_info = collapse_slashes(path.substr(path.size() - rest));
}

// Returns a name of an application group or callable that holds for each request.
std::string outright(std::string_view name, const char* what, const char* instead) {
  if (name == "%{GLOBAL}") return {};
  if (name.find("%{") != std::string_view::npos) {
    throw std::invalid_argument(std::string("its ") + what + " is " + base::in_quotes(name) +
                                ", which each request decides: name one, such as " + instead);
  }
  return std::string(name);
}

unsigned port_of(const server_rec* server) {
  if (server->port != 0) return server->port;
  const server_addr_rec* const address = server->addrs;
  if (address != nullptr && address->host_port != 0) return address->host_port;
  return ap_listeners != nullptr ? ap_listeners->bind_addr->port : DEFAULT_HTTP_PORT;
}

void set_host(const server_rec* server, daemon::WarmUp& request) {
  const unsigned port = port_of(server);
  request.host = server->server_hostname != nullptr ? server->server_hostname : "localhost";
  request.port = std::to_string(port);
  request.scheme = server->server_scheme != nullptr ? server->server_scheme
                   : port == DEFAULT_HTTPS_PORT     ? "https"
                                                    : "http";
}

}  // namespace

std::optional<daemon::WarmUp> warm_up(const std::string& url, const daemon::Group& group,
                                      const server_rec* server) {
  const std::vector<Alias>& aliases = server_settings(server).aliases;
  const std::size_t query = url.find('?');
  const std::string path = decoded(url.substr(0, query));
  const base::SubPool pool(server->process->pool);
  std::optional<Mapped> mapped;
  const auto alias = std::find_if(aliases.begin(), aliases.end(), [&](const Alias& each) {
    return (mapped = follow(each, path, pool.get())).has_value();
  });
  if (alias == aliases.end()) return std::nullopt;
  const RequestSettings& settings = settings_outside_sections(server);
  const auto option_or = [](const auto& option, const auto& setting, std::string_view otherwise) {
    return option ? std::string_view(*option) : setting.value.value_or(otherwise);
  };
  if (option_or(alias->options.process_group, settings.process_group, "") != group.name) {
    return std::nullopt;
  }
  daemon::WarmUp request;
  request.url = url;
  if (query != std::string::npos) request.query = url.substr(query + 1);
  split(*alias, path, *mapped, request);
  request.script.path = path_in_group(group, std::string(request.script.path));
  request.script.callable =
      outright(option_or(alias->options.callable, settings.callable, "application"), "callable",
               "callable-object=application");
  request.script.application_group = outright(
      option_or(alias->options.application_group, settings.application_group, "%{RESOURCE}"),
      "application group", "application-group=%{GLOBAL}");
  request.script.settings = script_settings(settings, group.name);
  set_host(server, request);
  return request;
}

}  // namespace brine::apache

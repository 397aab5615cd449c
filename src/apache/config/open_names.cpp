#include "apache/config/open_names.hpp"

#include <algorithm>
#include <string>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"

namespace brine::apache {

namespace {

bool same_address(const server_addr_rec& a, const server_addr_rec& b) {
  return a.host_port == b.host_port && apr_sockaddr_equal(a.host_addr, b.host_addr) != 0;
}

// Returns true for the first virtual host at an address, which takes the requests whose Host no
// other one has. httpd chains them in the opposite order.
bool is_first_at(const server_rec* server, const server_addr_rec& address) {
  for (const server_rec* other = server->next; other != nullptr; other = other->next) {
    for (const server_addr_rec* at = other->addrs; at != nullptr; at = at->next) {
      if (same_address(*at, address)) {
        return false;
      }
    }
  }
  return true;
}

bool takes_any_host(const server_rec* server) {
  if (!server->is_virtual || (server->wild_names != nullptr && server->wild_names->nelts > 0)) {
    return true;
  }
  for (const server_addr_rec* at = server->addrs; at != nullptr; at = at->next) {
    if (is_first_at(server, *at)) {
      return true;
    }
  }
  return false;
}

void tell(const server_rec* main_server, const server_rec* server, base::Level level) {
  const InterpreterLimits& limits = server_settings(main_server).process.interpreter_limits;
  const std::string bound =
      ": WSGIInterpreterLimit allows " + std::to_string(limits.of_clients()) +
      " of these in a process, unless its second number says how many there are to be";
  for (const OpenName& open : server_settings(server).open_names) {
    const bool by_host = open.name == "%{HOST}";
    if (by_host && !takes_any_host(server)) {
      continue;
    }
    ServerLog(server).log(
        level, "BRINE0018: " + std::string(open.name) + " of " + open.directive + " (" +
                   open.place.file + ":" + std::to_string(open.place.line) + ") lets " +
                   (by_host ? "clients name interpreters by their Host header, since it holds "
                              "where any Host is taken"
                            : "requests name interpreters, if what a client sends gets into that "
                              "variable; one that SetEnv sets is counted among these, too") +
                   bound);
  }
}

// Warns in `httpd -t`; at a start this is logged at level info, as it is no fault.
int check_open_names(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  const bool testing = ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
  // httpd reads the configuration twice when it starts; only the second reading logs.
  const bool first_reading = ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG;
  const bool decided = server_settings(main_server).process.interpreter_limits.clients.has_value();
  if (decided || (first_reading && !testing)) {
    return OK;
  }
  for (const server_rec* server : servers_with_settings(main_server)) {
    tell(main_server, server, testing ? base::Level::warning : base::Level::info);
  }
  return OK;
}

}  // namespace

void register_open_name_hooks() {
  ap_hook_check_config(guarded<&check_open_names>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

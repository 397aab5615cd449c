#include "apache/request/request_id.hpp"

#include <string_view>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/request/client_address.hpp"
#include "apache/request/request_id_text.hpp"
#include "base/pool.hpp"

namespace brine::apache {

namespace {

// Returns the request that the client has sent, of which `r` may be a subrequest or what an
// internal redirect made. These have its id, since the access log has no other.
request_rec* origin_of(const request_rec* r) {
  const request_rec* origin = r;
  while (origin->main != nullptr || origin->prev != nullptr) {
    origin = origin->main != nullptr ? origin->main : origin->prev;
  }
  return const_cast<request_rec*>(origin);
}

// Returns the id that a trusted proxy has given the request, or an empty view.
std::string_view passed_id(const request_rec* r) {
  const RequestSettings& settings = request_settings(r);
  const std::string_view name = settings.request_id_header.value.value_or("");
  if (name.empty()) {
    return {};
  }
  const char* value = apr_table_get(r->headers_in, name.data());
  const TrustedProxies* proxies = settings.trusted_proxies.value.value_or(nullptr);
  // httpd's own log does not depend on what an .htaccess file says.
  if (value == nullptr || proxies == nullptr || proxies->of_tenant || !is_sent_by(r, *proxies)) {
    return {};
  }
  return request_id_in(name, value);
}

int generate(const conn_rec* connection, const request_rec* r, const char** id) {
  if (r == nullptr) {
    return DECLINED;
  }
  request_rec* const origin = origin_of(r);
  if (origin != r) {
    if (origin->log_id == nullptr) {
      ap_run_generate_log_id(connection, origin, &origin->log_id);
    }
    *id = origin->log_id;
    return OK;
  }
  const std::string_view passed = passed_id(r);
  if (passed.empty()) {
    return DECLINED;
  }
  *id = base::pool_copy(r->pool, passed).data();
  return OK;
}

}  // namespace

void register_request_id_hooks() {
  // The hook runs before mod_unique_id's and httpd's own.
  ap_hook_generate_log_id(guarded<&generate>, nullptr, nullptr, APR_HOOK_FIRST);
}

}  // namespace brine::apache

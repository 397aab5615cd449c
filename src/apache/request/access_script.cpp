#include "apache/request/access_script.hpp"

#include <optional>
#include <string>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/request/deciding.hpp"
#include "apache/request/refusal.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

int check_client(request_rec* r) {
  const DecidingScript* script = request_settings(r).access_script.value.value_or(nullptr);
  if (script == nullptr) {
    return DECLINED;
  }
  const char* name = ap_get_useragent_host(r, REMOTE_HOST, nullptr);
  const char* host = name != nullptr ? name : r->useragent_ip;
  const std::optional<wsgi::Answer> answer = ask(r, *script, {wsgi::Call::access, host, {}});
  if (!answer) {
    return HTTP_INTERNAL_SERVER_ERROR;
  }
  switch (answer->verdict) {
    case wsgi::Verdict::yes:
      return OK;
    case wsgi::Verdict::none:
      return DECLINED;
    case wsgi::Verdict::no:
    case wsgi::Verdict::text:
      break;
  }
  return refuse(r, HTTP_FORBIDDEN,
                "BRINE0124: WSGIAccessScript " + base::in_quotes(script->script) + " denies " +
                    host + " the access to " + base::in_quotes(r->uri));
}

}  // namespace

// Registers at the place of mod_wsgi's hook: after mod_ssl, which may change what the connection
// is, and before the modules that judge addresses.
void register_access_script_hooks() {
  static const char* const after[] = {"mod_ssl.c", nullptr};
  static const char* const before[] = {"mod_authz_host.c", nullptr};
  ap_hook_check_access(guarded<&check_client>, after, before, APR_HOOK_MIDDLE,
                       AP_AUTH_INTERNAL_PER_CONF);
}

}  // namespace brine::apache

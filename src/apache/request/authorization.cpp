#include "apache/request/authorization.hpp"

#include <mod_auth.h>

#include <optional>
#include <string>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/request/deciding.hpp"
#include "apache/request/refusal.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// Parses the names of a Require line; a newline follows each.
const char* parse_names(cmd_parms* line, const char* rest, const void** parsed) noexcept {
  const char* names = "";
  while (rest != nullptr && *rest != '\0') {
    const char* name = ap_getword_conf(line->pool, &rest);
    if (*name != '\0') {
      names = apr_pstrcat(line->pool, names, name, "\n", nullptr);
    }
  }
  *parsed = names;
  return *names != '\0' ? nullptr : "Require wsgi-group needs the name of a group";
}

authz_status check_groups(request_rec* r, const char*, const void* names) {
  if (r->user == nullptr) {
    return AUTHZ_DENIED_NO_USER;
  }
  const DecidingScript* script = request_settings(r).auth_group_script.value.value_or(nullptr);
  if (script == nullptr) {
    refuse(r, HTTP_INTERNAL_SERVER_ERROR,
           "BRINE0126: 'Require wsgi-group' holds for " + base::in_quotes(r->uri) +
               ", and no WSGIAuthGroupScript does");
    return AUTHZ_GENERAL_ERROR;
  }
  const std::optional<wsgi::Answer> answer =
      ask(r, *script, {wsgi::Call::groups, r->user, static_cast<const char*>(names)});
  if (!answer) {
    return AUTHZ_GENERAL_ERROR;
  }
  return answer->verdict == wsgi::Verdict::yes ? AUTHZ_GRANTED : AUTHZ_DENIED;
}

const authz_provider groups_provider = {guarded<&check_groups, AUTHZ_GENERAL_ERROR>, parse_names};

}  // namespace

void register_authorization(apr_pool_t* pool) {
  ap_register_auth_provider(pool, AUTHZ_PROVIDER_GROUP, "wsgi-group", AUTHZ_PROVIDER_VERSION,
                            &groups_provider, AP_AUTH_INTERNAL_PER_CONF);
}

}  // namespace brine::apache

#include "apache/request/authentication.hpp"

#include <apr_md5.h>
#include <apr_strings.h>
#include <mod_auth.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/request/deciding.hpp"
#include "apache/request/refusal.hpp"
#include "base/pool.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

constexpr const char* kProvider = "wsgi";

// The cost of the hash by which mod_authn_socache knows a password again: the least one. The hash
// is kept for some minutes, in memory that httpd's processes share.
constexpr unsigned kHashCost = 4;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 61;
// bcrypt reads no more bytes, so a longer password would match any that begins like it.
constexpr std::size_t kMostHashed = 72;

// The function of mod_authn_socache, looked up before httpd has children; null if the cache is not
// wanted.
APR_OPTIONAL_FN_TYPE(ap_authn_cache_store) * store_in_cache = nullptr;

// Returns true if a line of the configuration says `AuthnCacheProvideFor ... wsgi`.
bool wants_cache(const ap_directive_t* line) {
  for (; line != nullptr; line = line->next) {
    if (line->first_child != nullptr && wants_cache(line->first_child)) {
      return true;
    }
    if (strcasecmp(line->directive, "AuthnCacheProvideFor") != 0) {
      continue;
    }
    const char* rest = line->args;
    for (const char* word = "-"; *word != '\0';) {
      word = ap_getword_conf(ap_server_conf->process->pconf, &rest);
      if (std::strcmp(word, kProvider) == 0) {
        return true;
      }
    }
  }
  return false;
}

int find_cache(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec*) {
  store_in_cache =
      wants_cache(ap_conftree) ? APR_RETRIEVE_OPTIONAL_FN(ap_authn_cache_store) : nullptr;
  return OK;
}

// Stores the hash of a password in mod_authn_socache, which checks by it as by a line of a file of
// htpasswd's.
void remember(request_rec* r, const char* user, const char* password) {
  if (store_in_cache == nullptr || std::strlen(password) > kMostHashed) {
    return;
  }
  std::array<unsigned char, kSaltBytes> salt;
  char hash[kHashBytes];
  if (apr_generate_random_bytes(salt.data(), salt.size()) == APR_SUCCESS &&
      apr_bcrypt_encode(password, kHashCost, salt.data(), salt.size(), hash, sizeof(hash)) ==
          APR_SUCCESS) {
    store_in_cache(r, kProvider, user, nullptr, hash);
  }
}

const DecidingScript* user_script(const request_rec* r) {
  const DecidingScript* script = request_settings(r).auth_user_script.value.value_or(nullptr);
  if (script == nullptr) {
    refuse(r, HTTP_INTERNAL_SERVER_ERROR,
           "BRINE0125: the provider 'wsgi' is to authenticate users for " +
               base::in_quotes(r->uri) + ", and no WSGIAuthUserScript holds there");
  }
  return script;
}

authn_status check_password(request_rec* r, const char* user, const char* password) {
  const DecidingScript* script = user_script(r);
  const std::optional<wsgi::Answer> answer =
      script != nullptr ? ask(r, *script, {wsgi::Call::password, user, password}) : std::nullopt;
  if (!answer) {
    return AUTH_GENERAL_ERROR;
  }
  switch (answer->verdict) {
    case wsgi::Verdict::no:
      return AUTH_DENIED;
    case wsgi::Verdict::yes:
      remember(r, user, password);
      return AUTH_GRANTED;
    case wsgi::Verdict::none:
      return AUTH_USER_NOT_FOUND;
    case wsgi::Verdict::text:  // not remembered: the cache would not give the user this name
      r->user = apr_pstrdup(r->pool, answer->texts[0].value_or("").c_str());
      return AUTH_GRANTED;
  }
  return AUTH_GENERAL_ERROR;
}

authn_status find_realm_hash(request_rec* r, const char* user, const char* realm, char** hash) {
  const DecidingScript* script = user_script(r);
  const std::optional<wsgi::Answer> answer =
      script != nullptr ? ask(r, *script, {wsgi::Call::realm_hash, user, realm}) : std::nullopt;
  if (!answer) {
    return AUTH_GENERAL_ERROR;
  }
  if (answer->verdict != wsgi::Verdict::text) {
    return AUTH_USER_NOT_FOUND;
  }
  *hash = apr_pstrdup(r->pool, answer->texts[0].value_or("").c_str());
  if (store_in_cache != nullptr) {
    store_in_cache(r, kProvider, user, realm, *hash);
  }
  return AUTH_USER_FOUND;
}

const authn_provider provider = {guarded<&check_password, AUTH_GENERAL_ERROR>,
                                 guarded<&find_realm_hash, AUTH_GENERAL_ERROR>};

}  // namespace

void register_authentication(apr_pool_t* pool) {
  ap_register_auth_provider(pool, AUTHN_PROVIDER_GROUP, kProvider, AUTHN_PROVIDER_VERSION,
                            &provider, AP_AUTH_INTERNAL_PER_CONF);
  ap_hook_post_config(guarded<&find_cache>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

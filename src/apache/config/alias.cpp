#include "apache/config/alias.hpp"

#include <optional>
#include <string>
#include <vector>

#include "apache/config/paths.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// A mount at "/" leaves the whole URI behind the target, so that its slash stays.
const char* join(apr_pool_t* pool, const char* target, const char* uri, std::size_t matched) {
  const bool root = matched == 1;
  return apr_pstrcat(pool, target, root ? uri : uri + matched, nullptr);
}

// Returns the file that `alias` gives for the request's URI, or null if it does not match.
const char* map(const request_rec* r, const Alias& alias) {
  if (alias.expression == nullptr) {
    const std::size_t matched = match_prefix(alias.url, r->uri);
    if (matched == 0) {
      return nullptr;
    }
    return join(r->pool, alias.target.data(), r->uri, alias.url == "/" ? 1 : matched);
  }
  ap_regmatch_t groups[AP_MAX_REG_MATCH];
  if (ap_regexec(alias.expression, r->uri, AP_MAX_REG_MATCH, groups, 0) != 0) {
    return nullptr;
  }
  const char* target = ap_pregsub(r->pool, alias.target.data(), r->uri, AP_MAX_REG_MATCH, groups);
  const auto end = static_cast<std::size_t>(groups[0].rm_eo);
  return target == nullptr || end == 0 ? nullptr : join(r->pool, target, r->uri, end);
}

int translate(request_rec* r) {
  const std::vector<Alias>& aliases = server_settings(r->server).aliases;
  if (aliases.empty() || r->uri == nullptr || r->uri[0] != '/') {
    return DECLINED;
  }
  for (const Alias& alias : aliases) {
    const char* filename = map(r, alias);
    if (filename != nullptr) {
      r->filename = const_cast<char*>(filename);
      r->handler = "wsgi-script";
      // Notes, like ScriptAlias, that the URL made this a script, so that other modules ask for no
      // ExecCGI.
      apr_table_setn(r->notes, "alias-forced-type", r->handler);
      ap_set_module_config(r->request_config, &wsgi_module, const_cast<Alias*>(&alias));
      return OK;
    }
  }
  return DECLINED;
}

std::string describe(const Alias& alias) {
  return base::in_quotes(alias.url) + " (" + alias.place.file + ":" +
         std::to_string(alias.place.line) + ")";
}

}  // namespace

const Alias* matched_alias(const request_rec* r) {
  return static_cast<const Alias*>(ap_get_module_config(r->request_config, &wsgi_module));
}

bool shadows(const Alias& earlier, const Alias& later) {
  return earlier.expression == nullptr && later.expression == nullptr &&
         match_prefix(earlier.url, later.url) != 0;
}

void warn_of_shadowed_aliases(const server_rec* server) {
  const ServerSettings& settings = server_settings(server);
  for (std::size_t later = 1; later < settings.own_aliases; ++later) {
    for (std::size_t earlier = 0; earlier < later; ++earlier) {
      if (shadows(settings.aliases[earlier], settings.aliases[later])) {
        ServerLog(server).log(base::Level::warning,
                              "BRINE0006: the alias " + describe(settings.aliases[later]) +
                                  " can never match, because the earlier alias " +
                                  describe(settings.aliases[earlier]) +
                                  " takes all its requests; put the longer URL path first");
        break;
      }
    }
  }
}

void register_alias_hooks() {
  static const char* const after[] = {"mod_alias.c", nullptr};
  static const char* const before[] = {"mod_userdir.c", "mod_vhost_alias.c", nullptr};
  ap_hook_translate_name(guarded<&translate>, after, before, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

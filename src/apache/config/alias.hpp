// Maps URLs to scripts (WSGIScriptAlias and WSGIScriptAliasMatch), in the hook translate_name.
#pragma once

#include "apache/config/settings.hpp"

namespace brine::apache {

void register_alias_hooks();

/// Returns the alias that mapped this request, or null.
const Alias* matched_alias(const request_rec* r);

/// Returns true if no request can reach `later`, because `earlier` takes all of them. Regular
/// expressions are not judged.
bool shadows(const Alias& earlier, const Alias& later);

/// Logs a warning for each alias of `server` that can never match.
void warn_of_shadowed_aliases(const server_rec* server);

}  // namespace brine::apache

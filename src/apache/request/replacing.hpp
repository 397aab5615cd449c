// Answers in place of an application's body, by a local redirect or an error page.
#pragma once

#include "apache/request/response.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Returns which replacements the settings of the request allow.
wsgi::Replacements allowed_replacements(const request_rec* r, const Selection& selection);

/// Answers in place of `response`, which is complete. Returns the handler's status. BLOCKS.
int replace(request_rec* r, const ApacheResponse& response);

/// Registers the hook insert_filter, which adds an application's fields to the response of a local
/// redirect.
void register_replacing_hooks();

}  // namespace brine::apache

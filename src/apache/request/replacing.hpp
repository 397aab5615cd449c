// What httpd answers in place of an application's body: a local redirect, or an error page.
#pragma once

#include "apache/request/response.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Which replacements are in force for a request.
wsgi::Replacements allowed_replacements(const request_rec* r, const Selection& selection);

/// Answers in place of `response`, which came to its end; what the handler is to return. BLOCKS.
int replace(request_rec* r, const ApacheResponse& response);

void register_replacing_hooks();

}  // namespace brine::apache

// Lets a script decide where a request is served (WSGIDispatchScript).
#pragma once

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Asks the script. Returns OK, or the status of the refusal after logging it. `route` views memory
/// of the request's pool. BLOCKS.
int find_route(request_rec* r, const DecidingScript& script, Route& route);

}  // namespace brine::apache

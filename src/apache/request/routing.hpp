// WSGIDispatchScript: a script says where a request is served.
#pragma once

#include "apache/config/settings.hpp"
#include "apache/httpd.hpp"
#include "apache/request/selection.hpp"

namespace brine::apache {

/// Asks the script. OK, or the status of the refusal, which has been logged. `route` views memory
/// of the request's pool. BLOCKS.
int find_route(request_rec* r, const DecidingScript& script, Route& route);

}  // namespace brine::apache

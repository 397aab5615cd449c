// Measures requests for scripts, and counts them when they have ended.
#pragma once

#include <string_view>

#include "apache/request/request.hpp"
#include "apache/request/response.hpp"
#include "apache/request/selection.hpp"
#include "base/clock.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

/// Returns the name under which a request's group is known to others: %{GLOBAL} for httpd's own
/// processes, (other) for what is no group's name and so may be a client's word.
std::string_view counted_group(const Selection& selection);

/// Returns the row of the board in which the request counts, or null.
metrics::ScriptRow* counted_row(const Selection& selection);

/// Takes the measures of a request whose application is done with it now; `begun` is when the
/// request was passed on.
void measure_run(base::Nanos begun, const ApacheRequest& request, const ApacheResponse& response,
                 metrics::RequestMeasures& measures);

/// Takes the measures that are complete only when all of the response has been passed on.
void measure_delivery(const ApacheRequest& request, const ApacheResponse& response,
                      metrics::RequestMeasures& measures);

/// Counts a request for the script and the process group that were selected. `status` is what the
/// handler returns.
void count_request(const request_rec* r, const Selection& selection, int status,
                   metrics::RequestMeasures& measures);

}  // namespace brine::apache

// Measures requests for scripts, and counts them when they have ended.
#pragma once

#include "apache/request/counting_place.hpp"
#include "apache/request/request.hpp"
#include "apache/request/response.hpp"
#include "base/clock.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

/// Takes the measures of a request whose application is done with it now; `begun` is when the
/// request was passed on.
void measure_run(base::Nanos begun, const ApacheRequest& request, const ApacheResponse& response,
                 metrics::RequestMeasures& measures);

/// Takes the measures that are complete only when all of the response has been passed on.
void measure_delivery(const ApacheRequest& request, const ApacheResponse& response,
                      metrics::RequestMeasures& measures);

/// Counts a request in its place. `status` is what the handler returns.
void count_request(const request_rec* r, const CountingPlace& place, int status,
                   metrics::RequestMeasures& measures);

}  // namespace brine::apache

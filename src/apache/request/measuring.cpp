#include "apache/request/measuring.hpp"

#include <cstddef>
#include <cstdint>

namespace brine::apache {

namespace {

using metrics::Phase;

base::Nanos& phase_of(metrics::RequestMeasures& measures, Phase phase) {
  return measures.phases[static_cast<std::size_t>(phase)];
}

}  // namespace

void measure_run(base::Nanos begun, const ApacheRequest& request, const ApacheResponse& response,
                 metrics::RequestMeasures& measures) {
  const base::Nanos ended = base::now();
  const base::Nanos called = request.called();
  measures.was_run = true;
  measures.was_called = called != 0;
  phase_of(measures, Phase::waiting) = (measures.was_called ? called : ended) - begun;
  if (measures.was_called) {
    phase_of(measures, Phase::application) = ended - called - response.delivering();
  }
}

void measure_delivery(const ApacheRequest& request, const ApacheResponse& response,
                      metrics::RequestMeasures& measures) {
  phase_of(measures, Phase::delivering) = response.delivering();
  measures.bytes_in = request.bytes_read();
}

void count_request(const request_rec* r, const CountingPlace& place, int status,
                   metrics::RequestMeasures& measures) {
  if (place.board == nullptr) {
    return;
  }
  measures.method = metrics::method_of(r->header_only != 0 ? "HEAD" : r->method);
  measures.status = status > 0 ? status : r->status;
  measures.bytes_out = r->sent_bodyct != 0 ? static_cast<std::uint64_t>(r->bytes_sent) : 0;
  place.script->stripes[place.stripe].add(measures);
}

}  // namespace brine::apache

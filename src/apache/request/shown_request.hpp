// Shows on the board which requests run, which were slow, and what an engine has measured.
#pragma once

#include "apache/httpd.hpp"
#include "apache/request/counting_place.hpp"
#include "apache/request/request.hpp"
#include "apache/request/selection.hpp"
#include "base/clock.hpp"
#include "metrics/board.hpp"

namespace brine::apache {

/// A request that is served, which the board shows while the object lives.
class ShownRequest {
 public:
  /// `begun` is when the request is passed on.
  ShownRequest(const Selection& selection, const CountingPlace& place, ApacheRequest& request,
               base::Nanos begun) noexcept;
  ~ShownRequest();
  ShownRequest(const ShownRequest&) = delete;
  ShownRequest& operator=(const ShownRequest&) = delete;

  /// Notes what is known of the request now that it has ended with this status.
  void note_end(const metrics::RequestMeasures& measures, int status) const noexcept;

 private:
  metrics::RequestName name() const noexcept;
  void note_facts(metrics::Board& board) const noexcept;
  void tell_reload() const noexcept;

  const Selection& selection_;
  const CountingPlace& place_;
  const ApacheRequest& request_;
};

}  // namespace brine::apache

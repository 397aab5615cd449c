#include "apache/request/measuring.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "apache/config/settings.hpp"

namespace brine::apache {

namespace {

using metrics::Phase;

base::Nanos& phase_of(metrics::RequestMeasures& measures, Phase phase) {
  return measures.phases[static_cast<std::size_t>(phase)];
}

// The place where a thread has counted its last request, since the next one is mostly for the same
// script.
struct Counted {
  metrics::Board* board = nullptr;
  std::size_t stripe = 0;
  std::string group;
  std::string script;
  metrics::ScriptRow* row = nullptr;
};

Counted& counted_in(metrics::Board& board, std::string_view group, std::string_view script) {
  thread_local Counted last;
  if (last.board != &board) {
    last = {&board, board.next_stripe(), {}, {}, nullptr};
  }
  if (last.row == nullptr || last.script != script || last.group != group) {
    last.group = group;
    last.script = script;
    last.row = &board.script(group, script);
  }
  return last;
}

}  // namespace

std::string_view counted_group(const Selection& selection) {
  if (selection.process_group.empty()) {
    return metrics::kEmbedded;
  }
  return selection.group != nullptr ? selection.process_group : metrics::kOther;
}

metrics::ScriptRow* counted_row(const Selection& selection) {
  metrics::Board* const board = server_settings(ap_server_conf).board;
  if (board == nullptr) return nullptr;
  return counted_in(*board, counted_group(selection), selection.target.script).row;
}

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

void count_request(const request_rec* r, const Selection& selection, int status,
                   metrics::RequestMeasures& measures) {
  metrics::Board* const board = server_settings(ap_server_conf).board;
  if (board == nullptr) {
    return;
  }
  measures.method = metrics::method_of(r->header_only != 0 ? "HEAD" : r->method);
  measures.status = status > 0 ? status : r->status;
  measures.bytes_out = r->sent_bodyct != 0 ? static_cast<std::uint64_t>(r->bytes_sent) : 0;
  const Counted& counted = counted_in(*board, counted_group(selection), selection.target.script);
  counted.row->stripes[counted.stripe].add(measures);
}

}  // namespace brine::apache

#include "apache/request/shown_request.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <numeric>
#include <string_view>
#include <utility>

#include "apache/process/events.hpp"
#include "metrics/hazards.hpp"

namespace brine::apache {

namespace {

// A request that takes longer is kept among the slow ones, where WSGISlowRequest says nothing.
constexpr base::Nanos kSlow = base::kSecond;

void count_hazards(std::string_view ids, metrics::GroupRow& group) noexcept {
  while (!ids.empty()) {
    const std::string_view id = ids.substr(0, ids.find(','));
    if (const auto hazard = metrics::hazard_of(id)) {
      group.hazards[*hazard].fetch_add(1, std::memory_order_relaxed);
    }
    ids.remove_prefix(id.size() < ids.size() ? id.size() + 1 : id.size());
  }
}

}  // namespace

ShownRequest::ShownRequest(const Selection& selection, const CountingPlace& place,
                           ApacheRequest& request, base::Nanos begun) noexcept
    : selection_(selection), place_(place), request_(request) {
  if (place.running == nullptr) return;
  place.running->begin({name(), place.board->index_of(*place.script), begun});
  request.show_in(place.running);
}

ShownRequest::~ShownRequest() {
  if (place_.running != nullptr) place_.running->end();
}

metrics::RequestName ShownRequest::name() const noexcept {
  const wsgi::Head& head = request_.head();
  const auto var = [&](wsgi::Var name) { return head.vars[static_cast<std::size_t>(name)]; };
  const std::string_view uri = var(wsgi::Var::request_uri);
  metrics::RequestName name;
  name.what.set({var(wsgi::Var::request_method), " ", uri.substr(0, uri.find('?'))});
  name.id.set({var(wsgi::Var::request_id)});
  return name;
}

void ShownRequest::note_end(const metrics::RequestMeasures& measures, int status) const noexcept {
  if (place_.board == nullptr) return;
  metrics::Board& board = *place_.board;
  if (request_.facts() || !request_.hazards().empty()) note_facts(board);
  const wsgi::SlowLimit& limit = request_.head().slow;
  const base::Nanos took =  // the clock has been read often enough
      std::accumulate(measures.phases.begin(), measures.phases.end(), base::Nanos{0});
  if (took < (limit.is_set() ? limit.after : kSlow)) return;
  metrics::SlowRecord slow;
  slow.name = name();
  slow.script = board.index_of(*place_.script);
  slow.ended = base::nanos_since_epoch();
  slow.phases = measures.phases;
  slow.pid = place_.running != nullptr ? place_.running->by() : 0;
  slow.status = status;
  board.slow.add(slow);
}

void ShownRequest::note_facts(metrics::Board& board) const noexcept {
  metrics::GroupRow& group = board.group(counted_group(selection_));
  count_hazards(request_.hazards(), group);
  if (!request_.facts()) return;
  const wsgi::RunFacts& facts = *request_.facts();
  if (facts.gil_wait >= 0) group.gil_wait.add(facts.gil_wait);
  group.interpreters.store(facts.interpreters, std::memory_order_relaxed);
  if (!place_.script->note_load(facts.generation, facts.loaded_at) || facts.generation <= 1) return;
  const bool is_own = selection_.process_group.empty();
  if (is_own || place_.script->may_tell_claim(base::now())) tell_reload();
}

// A process that loads a script anew goes on with it; of a new process the supervisor tells.
void ShownRequest::tell_reload() const noexcept {
  try {
    metrics::LifeEvent event = own_event(metrics::ProcessEvent::reload);
    event.group = counted_group(selection_);
    event.pid = place_.running != nullptr ? place_.running->by() : event.pid;
    event.script = selection_.target.script;
    tell_event(std::move(event));
  } catch (const std::exception&) {
    // Memory has run out, and the request matters more than this event.
  }
}

}  // namespace brine::apache

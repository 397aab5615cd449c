#include "apache/request/shown_request.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <numeric>
#include <string_view>
#include <utility>

#include "apache/config/settings.hpp"
#include "apache/process/events.hpp"
#include "apache/request/measuring.hpp"
#include "apache/request/stacks.hpp"
#include "metrics/hazards.hpp"

namespace brine::apache {

namespace {

// A request that takes longer is kept among the slow ones, where WSGISlowRequest says nothing.
constexpr base::Nanos kSlow = base::kSecond;

// The place of a thread on the board, which it has until it ends.
class OwnRow {
 public:
  ~OwnRow() {
    if (row_ != nullptr && ::getpid() == pid_) row_->release();
  }

  metrics::RunningRow* get(metrics::Board& board) noexcept {
    if (board_ == &board) return row_;
    board_ = &board;
    pid_ = ::getpid();
    const std::uint64_t handle = ::pthread_self();
    row_ = board.running(pid_, ::gettid(), handle);
    if (row_ == nullptr) {  // processes that were killed may have kept theirs
      board.sweep_running([](std::int32_t pid) { return ::kill(pid, 0) == 0 || errno != ESRCH; });
      row_ = board.running(pid_, ::gettid(), handle);
    }
    watch_for_stacks();
    return row_;
  }

 private:
  metrics::Board* board_ = nullptr;
  metrics::RunningRow* row_ = nullptr;
  pid_t pid_ = 0;
};

metrics::RunningRow* own_row() noexcept {
  thread_local OwnRow row;
  metrics::Board* const board = server_settings(ap_server_conf).board;
  return board != nullptr ? row.get(*board) : nullptr;
}

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

ShownRequest::ShownRequest(const Selection& selection, ApacheRequest& request,
                           base::Nanos begun) noexcept
    : selection_(selection), request_(request), script_(counted_row(selection)), row_(own_row()) {
  if (row_ == nullptr || script_ == nullptr) return;
  const metrics::Board& board = *server_settings(ap_server_conf).board;
  row_->begin({name(), board.index_of(*script_), begun});
  request.show_in(row_);
}

ShownRequest::~ShownRequest() {
  if (row_ != nullptr) row_->end();
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
  if (script_ == nullptr) return;
  metrics::Board& board = *server_settings(ap_server_conf).board;
  if (request_.facts() || !request_.hazards().empty()) note_facts(board);
  const wsgi::SlowLimit& limit = request_.head().slow;
  const base::Nanos took =  // the clock has been read often enough
      std::accumulate(measures.phases.begin(), measures.phases.end(), base::Nanos{0});
  if (took < (limit.is_set() ? limit.after : kSlow)) return;
  metrics::SlowRecord slow;
  slow.name = name();
  slow.script = board.index_of(*script_);
  slow.ended = base::nanos_since_epoch();
  slow.phases = measures.phases;
  slow.pid = row_ != nullptr ? row_->by() : 0;
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
  if (script_->note_load(facts.generation, facts.loaded_at) && facts.generation > 1) {
    tell_reload();
  }
}

// A process that loads a script anew goes on with it; of a new process the supervisor tells.
void ShownRequest::tell_reload() const noexcept {
  try {
    metrics::LifeEvent event = own_event(metrics::ProcessEvent::reload);
    event.group = counted_group(selection_);
    event.pid = row_ != nullptr ? row_->by() : event.pid;
    event.script = selection_.target.script;
    tell_event(std::move(event));
  } catch (const std::exception&) {
    // Memory has run out, and the request matters more than this event.
  }
}

}  // namespace brine::apache

#include "apache/request/slow_requests.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

#include "apache/log.hpp"
#include "apache/process/process.hpp"
#include "base/blocked_signals.hpp"
#include "base/clock.hpp"
#include "base/kept_code.hpp"
#include "base/request_text.hpp"

namespace brine::apache {

namespace {

// The requests of this process that have a limit, and the thread that looks at them, which is
// started with the first one and lives as long as the process.
class SlowRequestWatcher {
 public:
  static SlowRequestWatcher& of_process() {
    static SlowRequestWatcher& one =
        *new SlowRequestWatcher;  // never destroyed: the thread uses it
    return one;
  }

  void add(WatchedRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.emplace(&request, ++last_number_);
    start();
    changed_.notify_one();
  }

  // Returns true if the request's line has still to be written.
  bool remove(WatchedRequest& request) {
    const std::lock_guard lock(mutex_);
    requests_.erase(&request);
    return !request.is_told;
  }

 private:
  // A request ends, and another may have its place, while the thread waits for the GIL.
  struct Due {
    WatchedRequest* request = nullptr;
    std::uint64_t number = 0;
    base::Nanos at = 0;
  };

  void start() {
    if (runs_) return;
    try {
      base::keep_code_in_memory(reinterpret_cast<const void*>(&of_process));
      const base::BlockedSignals blocked;
      std::thread([this]() noexcept { run(); }).detach();
      runs_ = true;
    } catch (const std::system_error&) {
      // No further thread: requests are told of when they end.
    }
  }

  void run() noexcept {
    ::prctl(PR_SET_NAME, "brine slow");
    std::unique_lock lock(mutex_);
    for (;;) {
      const Due due = next();
      if (due.request == nullptr) {
        changed_.wait(lock);
      } else if (const base::Nanos left = due.at - base::now(); left > 0) {
        changed_.wait_for(lock, std::chrono::nanoseconds(left));
      } else {
        look_at(due, lock);
      }
    }
  }

  Due next() const {
    Due first;
    for (const auto& [request, number] : requests_) {
      const base::Nanos at = request->limit().end();
      if (!request->is_looked_at && (first.request == nullptr || at < first.at)) {
        first = {request, number, at};
      }
    }
    return first;
  }

  void look_at(const Due& due, std::unique_lock<std::mutex>& lock) {
    due.request->is_looked_at = true;
    const auto thread = static_cast<std::uintptr_t>(due.request->thread());
    lock.unlock();  // to find the stack may take as long as somebody keeps the GIL
    engine::Engine* const engine = running_engine();  // null while the process ends
    const std::string stack = engine != nullptr ? engine->stack(thread) : std::string();
    lock.lock();
    const auto found = requests_.find(due.request);
    if (found == requests_.end() || found->second != due.number) return;
    due.request->is_told = true;
    due.request->tell(stack, false);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  std::map<WatchedRequest*, std::uint64_t> requests_;
  std::uint64_t last_number_ = 0;
  bool runs_ = false;
};

// Has httpd make the ids now that its log may show: the thread that looks at the request must not
// allocate in pools of the one that serves it.
void make_ids(conn_rec* connection) {
  if (connection->log_id == nullptr) {
    ap_run_generate_log_id(connection, nullptr, &connection->log_id);
  }
}

}  // namespace

WatchedRequest::WatchedRequest(const request_rec* r, const ApacheRequest& request)
    : r_(r), request_(request), thread_(::pthread_self()) {
  if (limit().is_set()) {
    make_ids(r->connection);
    SlowRequestWatcher::of_process().add(*this);
  }
}

WatchedRequest::~WatchedRequest() {
  if (!limit().is_set()) return;
  const bool is_untold = SlowRequestWatcher::of_process().remove(*this);
  if (is_untold && base::now() >= limit().end()) {
    tell({}, true);
  }
}

void WatchedRequest::tell(std::string_view stack, bool ended) const noexcept {
  try {
    const wsgi::Head& head = request_.head();
    const auto var = [&](wsgi::Var name) { return head.vars[static_cast<std::size_t>(name)]; };
    const std::string_view uri = var(wsgi::Var::request_uri);
    const std::string what = std::string(var(wsgi::Var::request_method)) + " " +
                             std::string(uri.substr(0, uri.find('?')));
    base::SlowRequest slow{base::request_name(what, var(wsgi::Var::request_id)) + " in process " +
                           std::to_string(::getpid()) + " of httpd"};
    slow.begun = limit().begun;
    slow.limit = limit().after;
    slow.called = request_.called();
    slow.now = base::now();
    slow.ended = ended;
    slow.stack = stack;
    log(r_, base::Level::warning, base::describe(slow));
  } catch (const std::exception&) {
    // Memory has run out, and the request matters more than this line.
  }
}

}  // namespace brine::apache

#include "wsgi/observation.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

namespace brine::wsgi {

namespace {

std::atomic<bool> observes{false};

// Adds the time until its destruction to one of the measures.
class Stopwatch {
 public:
  explicit Stopwatch(double& sum) noexcept : sum_(sum), begun_(std::chrono::steady_clock::now()) {}
  ~Stopwatch() {
    sum_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

 private:
  double& sum_;
  const std::chrono::steady_clock::time_point begun_;
};

double seconds_of(const timeval& time) noexcept {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Returns the status that httpd answers a request with, of which nothing was sent.
int status_without_response(Outcome outcome, int started) noexcept {
  if (outcome == Outcome::failed_before_headers) return 500;
  if (outcome == Outcome::timed_out) return 504;
  return started;
}

}  // namespace

bool requests_are_observed() noexcept { return observes.load(std::memory_order_relaxed); }

void observe_requests() noexcept { observes.store(true, std::memory_order_relaxed); }

double seconds_now() noexcept {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

ReadResult ObservedRequest::read(std::span<char> into) noexcept {
  const Stopwatch stopwatch(measures_[Span::input]);
  return inner_.read(into);
}

ReadResult ObservedRequest::read_all(std::span<char> into) noexcept {
  const Stopwatch stopwatch(measures_[Span::input]);
  return inner_.read_all(into);
}

void ObservedResponse::start(int status, std::string_view status_line,
                             std::span<const Field> headers) {
  inner_.start(status, status_line, headers);
  measures_.status = status;
}

Delivery ObservedResponse::send(std::span<const std::string_view> blocks, End end) noexcept {
  const Stopwatch stopwatch(measures_[Span::output]);
  measures_.output_writes += blocks.empty() ? 0 : 1;
  return inner_.send(blocks, end);
}

Delivery ObservedResponse::send_file(int fd, std::int64_t offset, std::int64_t length,
                                     End end) noexcept {
  const Stopwatch stopwatch(measures_[Span::output]);
  ++measures_.output_writes;
  return inner_.send_file(fd, offset, length, end);
}

Observation::Observation(Request& request, ResponseWriter& response) noexcept
    : request_(request, measures_), response_(response, measures_), cpu_(cpu_of_thread()) {
  measures_.thread_id = request.head().thread_id;
  Metrics::of_process().set_busy_since(measures_.thread_id, seconds_now());
}

Observation::~Observation() { Metrics::of_process().set_busy_since(measures_.thread_id, 0); }

Observation::Cpu Observation::cpu_of_thread() noexcept {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return {seconds_of(usage.ru_utime), seconds_of(usage.ru_stime)};
}

void Observation::has_gil(base::Nanos waited) noexcept {
  measures_[Span::gil] = static_cast<double>(waited) / static_cast<double>(base::kSecond);
}

void Observation::begin() noexcept { application_start_ = seconds_now(); }

void Observation::end(Outcome outcome, const Exchange& exchange) noexcept {
  application_finish_ = seconds_now();
  const Head& head = request_.head();
  const bool in_daemon = head.queue_start != 0;
  measures_[Span::server] =
      (in_daemon ? head.queue_start : application_start_) - head.request_start;
  measures_[Span::queue] = in_daemon ? head.daemon_start - head.queue_start : 0;
  measures_[Span::daemon] = in_daemon ? application_start_ - head.daemon_start : 0;
  measures_[Span::application] = application_finish_ - application_start_;
  measures_[Span::request] = application_finish_ - head.request_start;
  for (double& span : measures_.spans) span = std::max(span, 0.0);  // clocks are set back
  const Cpu now = cpu_of_thread();
  measures_.cpu_user = now.user - cpu_.user;
  measures_.cpu_system = now.system - cpu_.system;
  measures_.input_reads = exchange.reads;
  const std::size_t unread = exchange.ahead.size() - exchange.ahead_taken;
  measures_.input_bytes = exchange.taken + static_cast<std::uint64_t>(exchange.received) - unread;
  measures_.output_bytes = static_cast<std::uint64_t>(exchange.length);
  if (!exchange.sent) measures_.status = status_without_response(outcome, measures_.status);
}

}  // namespace brine::wsgi

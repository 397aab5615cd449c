#include "wsgi/metrics.hpp"

#include <algorithm>
#include <cmath>

namespace brine::wsgi {

namespace {

constexpr double kFirstOctave = 0.001;

void add_span(Timing& timing, double seconds, bool is_first) {
  timing.sum += seconds;
  timing.least = is_first ? seconds : std::min(timing.least, seconds);
  timing.most = std::max(timing.most, seconds);
  ++timing.buckets[bucket_of(seconds)];
}

}  // namespace

std::size_t bucket_of(double seconds) noexcept {
  // A clock that was set back makes a time that is negative, or no number.
  if (!(seconds >= kFirstOctave)) return 0;
  if (std::isinf(seconds)) return kBuckets - 1;
  int octave = 0;
  const double fraction = std::frexp(seconds / kFirstOctave, &octave);  // in [0.5, 1)
  if (octave > 16) return kBuckets - 1;
  return static_cast<std::size_t>(octave - 1) * 4 + static_cast<std::size_t>((fraction - 0.5) * 8);
}

Metrics& Metrics::of_process() {
  static auto* const metrics = new Metrics;  // never destroyed: threads use it to the last
  return *metrics;
}

void Metrics::prepare(int threads) {
  threads_ = static_cast<std::size_t>(std::max(threads, 0));
  slots_ = std::make_unique<Served::Slot[]>(threads_ + 1);
  totals_.threads.resize(threads_);
}

// Slot 0 is for numbers that no thread of the server has.
Metrics::Served::Slot& Metrics::slot(int thread_id) noexcept {
  const auto index = static_cast<std::size_t>(std::max(thread_id, 0));
  return slots_[index <= threads_ ? index : 0];
}

Metrics::Served::Served(int thread_id) noexcept : slot_(of_process().slot(thread_id)) {
  // The thread alone writes to its slot, so no read-modify-write is needed.
  slot_.requests.store(slot_.requests.load(std::memory_order_relaxed) + 1,
                       std::memory_order_relaxed);
  slot_.is_busy.store(true, std::memory_order_relaxed);
}

void Metrics::set_busy_since(int thread_id, double seconds) noexcept {
  slot(thread_id).busy_since.store(seconds, std::memory_order_relaxed);
}

void Metrics::record(const Measures& measures) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < kSpans; ++i) {
    add_span(totals_.timings[i], measures.spans[i], totals_.requests == 0);
  }
  ++totals_.requests;
  const int status_class = measures.status / 100;
  if (status_class >= 1 && status_class <= 5) {
    ++totals_.statuses[static_cast<std::size_t>(status_class - 1)];
  }
  totals_.input_reads += measures.input_reads;
  totals_.input_bytes += measures.input_bytes;
  totals_.output_writes += measures.output_writes;
  totals_.output_bytes += measures.output_bytes;
  const auto index = static_cast<std::size_t>(measures.thread_id) - 1;
  if (index >= totals_.threads.size()) return;
  ThreadTotals& thread = totals_.threads[index];
  ++thread.completed;
  thread.busy += measures[Span::request];
  thread.cpu += measures.cpu_user + measures.cpu_system;
  thread.longest = std::max(thread.longest, measures[Span::request]);
}

Totals Metrics::totals() const {
  Totals result = [&] {
    const std::lock_guard lock(mutex_);
    return totals_;
  }();
  for (std::size_t i = 0; i < threads_; ++i) {
    const Served::Slot& slot = slots_[i + 1];
    ThreadTotals& thread = result.threads[i];
    thread.requests = slot.requests.load(std::memory_order_relaxed);
    thread.is_busy = slot.is_busy.load(std::memory_order_relaxed);
    thread.busy_since = slot.busy_since.load(std::memory_order_relaxed);
  }
  return result;
}

}  // namespace brine::wsgi

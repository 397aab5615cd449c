// Metrics counts the requests of this process, and sums up what observed requests have taken.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace brine::wsgi {

/// The times of a request that are summed up, and their names in mod_wsgi.request_metrics().
enum class Span : std::uint8_t {
  server,       ///< until httpd has passed the request on, or the application is called
  queue,        ///< until a thread of a daemon process takes it up
  daemon,       ///< until the application is called
  application,  ///< until the response has ended
  request,      ///< all of it
  input,        ///< waiting for the request's body
  output,       ///< waiting for the response to be taken
  gil,          ///< waiting for the GIL before the application is called
  count_,
};

inline constexpr std::size_t kSpans = static_cast<std::size_t>(Span::count_);
inline constexpr std::array<const char*, kSpans> kSpanNames = {
    "server_time",  "queue_time",      "daemon_time",       "application_time",
    "request_time", "input_read_time", "output_write_time", "gil_wait_time"};

/// A request that has ended; times are in seconds.
struct Measures {
  int thread_id = 0;
  int status = 0;  ///< 0: there was no response
  std::array<double, kSpans> spans{};
  double cpu_user = 0;
  double cpu_system = 0;
  std::uint64_t input_reads = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_writes = 0;
  std::uint64_t output_bytes = 0;

  double& operator[](Span span) noexcept { return spans[static_cast<std::size_t>(span)]; }
  double operator[](Span span) const noexcept { return spans[static_cast<std::size_t>(span)]; }
};

/// Buckets of a histogram: 16 octaves from 1 ms on, in 4 steps each, and one for what is longer.
/// The first one has all that is shorter too.
inline constexpr std::size_t kBuckets = 65;

std::size_t bucket_of(double seconds) noexcept;

/// One of the times, of many requests.
struct Timing {
  double sum = 0;
  double least = 0;
  double most = 0;
  std::array<std::uint64_t, kBuckets> buckets{};
};

/// The work of one of the server's threads.
struct ThreadTotals {
  std::uint64_t requests = 0;  ///< since the process's start
  bool is_busy = false;
  double busy_since = 0;  ///< seconds since the epoch, if the request is observed; or 0
  // Of observed requests:
  std::uint64_t completed = 0;
  double busy = 0;
  double cpu = 0;
  double longest = 0;
};

/// The numbers of the process at one moment.
struct Totals {
  std::vector<ThreadTotals> threads;
  // Of observed requests:
  std::uint64_t requests = 0;
  std::array<std::uint64_t, 5> statuses{};  ///< 1xx to 5xx
  std::array<Timing, kSpans> timings{};
  std::uint64_t input_reads = 0;
  std::uint64_t input_bytes = 0;
  std::uint64_t output_writes = 0;
  std::uint64_t output_bytes = 0;
};

/// The process's one object. Whatever is not observed costs a store or two.
class Metrics {
 public:
  static Metrics& of_process();

  /// Called once, before the first request, with the number of the server's threads.
  void prepare(int threads);

  /// Counts a request, for the life of this object, as one that the thread serves.
  class Served {
   public:
    explicit Served(int thread_id) noexcept;
    ~Served() { slot_.is_busy.store(false, std::memory_order_relaxed); }
    Served(const Served&) = delete;
    Served& operator=(const Served&) = delete;

   private:
    friend class Metrics;
    struct Slot {
      std::atomic<std::uint64_t> requests{0};
      std::atomic<bool> is_busy{false};
      std::atomic<double> busy_since{0};
    };
    Slot& slot_;
  };

  /// Says since when the thread has served the request that it serves; 0: no longer.
  void set_busy_since(int thread_id, double seconds) noexcept;

  /// Adds a request. Never called with a GIL held.
  void record(const Measures& measures);

  /// BLOCKS for record(), so the caller must not hold the GIL.
  Totals totals() const;

 private:
  Served::Slot& slot(int thread_id) noexcept;

  std::size_t threads_ = 0;
  std::unique_ptr<Served::Slot[]> slots_ = std::make_unique<Served::Slot[]>(1);
  mutable std::mutex mutex_;
  // Guarded by mutex_; of its threads what slots_ lacks:
  Totals totals_;
};

}  // namespace brine::wsgi

// The records of what runs now and of what has happened lately, which the board keeps beside its
// numbers: requests that run, slow requests, errors, and events in processes' lives.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "metrics/shared_record.hpp"

namespace brine::metrics {

/// Names a request in a record.
struct RequestName {
  RecordText<168> what;  ///< "GET /path"; without the query, which may hold secrets
  RecordText<40> id;     ///< as logs show it
};

/// A request that runs, in a thread of one of httpd's processes.
struct RunningRequest {
  RequestName name;
  std::uint64_t script = 0;  ///< index of its ScriptRow
  base::Nanos since = 0;     ///< when httpd passed it on
};

/// The place of a thread of httpd's, for the request that it serves. The thread has it for itself.
class alignas(64) RunningRow {
 public:
  /// Takes the row if it is free.
  bool claim(std::int32_t pid, std::int32_t tid, std::uint64_t handle = 0) noexcept {
    std::int32_t free = 0;
    if (!pid_.compare_exchange_strong(free, pid)) return false;
    tid_.store(tid, std::memory_order_relaxed);
    handle_.store(handle, std::memory_order_relaxed);
    since_.store(0, std::memory_order_relaxed);
    return true;
  }
  /// Frees the row of a process that has ended.
  void take_from(std::int32_t dead) noexcept { pid_.compare_exchange_strong(dead, 0); }
  void release() noexcept {
    end();
    pid_.store(0, std::memory_order_release);
  }

  void begin(const RunningRequest& request) noexcept {
    by_.store(0, std::memory_order_relaxed);
    request_.write(request, ++requests_);
    since_.store(request.since, std::memory_order_release);
  }
  /// Notes to which process it has been sent, or which runs it.
  void sent_to(std::int32_t pid) noexcept { by_.store(pid, std::memory_order_relaxed); }
  void end() noexcept { since_.store(0, std::memory_order_release); }

  /// Returns the pid of the process that has the row; 0: it is free.
  std::int32_t pid() const noexcept { return pid_.load(std::memory_order_acquire); }
  std::int32_t tid() const noexcept { return tid_.load(std::memory_order_relaxed); }
  /// Returns the thread's pthread_self(), of use in its own process alone.
  std::uint64_t handle() const noexcept { return handle_.load(std::memory_order_relaxed); }
  /// Returns the pid of the process that has, or may have, taken the request up; 0: there is none.
  std::int32_t by() const noexcept { return by_.load(std::memory_order_relaxed); }
  /// Returns the request, or nothing if none runs.
  std::optional<RunningRequest> read() const noexcept {
    if (since_.load(std::memory_order_acquire) == 0) return std::nullopt;
    const auto request = request_.read();
    return request && since_.load(std::memory_order_acquire) == request->since ? request
                                                                               : std::nullopt;
  }

 private:
  std::atomic<std::int32_t> pid_;
  std::atomic<std::int32_t> tid_;
  std::atomic<std::int32_t> by_;
  std::atomic<std::uint64_t> handle_;
  std::atomic<base::Nanos> since_;  ///< when the request began; 0: there is none
  std::uint64_t requests_;          ///< which only the row's thread knows
  SharedRecord<RunningRequest> request_;
};

/// A request that has taken long. Times are in ns, `ended` since the epoch.
struct SlowRecord {
  RequestName name;
  std::uint64_t script = 0;  ///< index of its ScriptRow
  std::int64_t ended = 0;
  std::array<base::Nanos, 3> phases{};  ///< as RequestMeasures has them
  std::int32_t pid = 0;                 ///< of the process that ran it; 0: none took it up
  std::int32_t status = 0;
};

/// An error that was logged. The text may be a tenant's.
struct ErrorRecord {
  RecordText<280> text;   ///< the first line, with its code
  RecordText<40> id;      ///< of the request, or empty
  std::int64_t time = 0;  ///< ns since the epoch
  std::int64_t pid = 0;   ///< of the process that logged it
};

/// The events in a process's life.
enum class ProcessEvent : std::uint32_t { start, ready, reload, retire, end, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(ProcessEvent::count_)>
    kProcessEventNames = {"start", "ready", "reload", "retire", "end"};

/// An event, as far as the board keeps it; see life_event.hpp.
struct EventRecord {
  RecordText<64> group;
  RecordText<32> reason;
  RecordText<160> detail;  ///< how the process ended, or which script has changed
  std::int64_t time = 0;   ///< ns since the epoch
  std::int32_t pid = 0;
  ProcessEvent event = ProcessEvent::start;
};

}  // namespace brine::metrics

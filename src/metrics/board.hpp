// Board: the numbers that httpd's processes and the supervisors keep for whoever looks from
// outside. It is one piece of shared memory, made before httpd's first fork and kept until httpd
// stops, so counters go on over graceful restarts and outlive the processes that count. Daemon
// processes do not map it. There are atomics only and no locks, and all tables have a fixed size.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "metrics/counter.hpp"
#include "metrics/hazards.hpp"
#include "metrics/histogram.hpp"
#include "metrics/recent.hpp"
#include "metrics/stack_place.hpp"

namespace brine::metrics {

/// The name of httpd's own processes as a process group, as mod_wsgi's directives have it.
inline constexpr std::string_view kEmbedded = "%{GLOBAL}";
/// The name under which is counted what found no row of its own in a full table, and requests for
/// process groups that there are not.
inline constexpr std::string_view kOther = "(other)";

/// The methods that are told apart. A client can make up others.
enum class Method : std::uint8_t { get, head, post, put, patch, delete_, options, other, count_ };
inline constexpr std::size_t kMethods = static_cast<std::size_t>(Method::count_);
inline constexpr std::array<std::string_view, kMethods> kMethodNames = {
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"};
Method method_of(std::string_view name) noexcept;

/// 1xx to 5xx.
inline constexpr std::size_t kStatusClasses = 5;
/// Returns the index of the class of a status of HTTP; 4 (5xx) for any other number.
std::size_t status_class_of(int status) noexcept;

/// The parts of a request's time in httpd's child.
enum class Phase : std::uint8_t {
  waiting,      ///< until the application is called: for a process, a thread, the GIL, the script
  application,  ///< while the application works
  delivering,   ///< while the response is passed on to the client
  count_,
};
inline constexpr std::size_t kPhases = static_cast<std::size_t>(Phase::count_);

/// The measures of one request that has ended.
struct RequestMeasures {
  Method method = Method::other;
  int status = 500;
  std::array<base::Nanos, kPhases> phases{};
  bool was_run = false;     ///< it was passed on to the application; else it has no phase
  bool was_called = false;  ///< the application was called; else there is no phase but waiting
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// The numbers of a script's requests, at one time.
struct RequestReading {
  std::array<std::array<std::uint64_t, kStatusClasses>, kMethods> requests{};
  std::array<HistogramReading, kPhases> phases{};
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
};

/// The numbers of a script's requests that some of httpd's threads have counted.
struct alignas(64) RequestCounts {
  std::array<std::array<std::atomic<std::uint64_t>, kStatusClasses>, kMethods> requests;
  std::array<Histogram, kPhases> phases;
  std::atomic<std::uint64_t> bytes_in;
  std::atomic<std::uint64_t> bytes_out;

  void add(const RequestMeasures& measures) noexcept;
  void add_to(RequestReading& reading) const noexcept;
};

/// A text that processes write and read without a lock. Whoever writes it writes the same, so it is
/// complete once `set` has been called anywhere. One that does not fit keeps its end.
template <std::size_t size>
class SharedText {
 public:
  void set(std::string_view text) noexcept {
    if (text.size() > size) text.remove_prefix(text.size() - size);
    for (std::size_t i = 0; i < text.size(); ++i) {
      bytes_[i].store(text[i], std::memory_order_relaxed);
    }
    size_.store(static_cast<std::uint32_t>(text.size()) + 1, std::memory_order_release);
  }
  bool is_set() const noexcept { return size_.load(std::memory_order_acquire) != 0; }
  std::string text() const {
    const std::size_t end = size_.load(std::memory_order_acquire);
    std::string result;
    for (std::size_t i = 0; i + 1 < end && i < size; ++i) {
      result.push_back(bytes_[i].load(std::memory_order_relaxed));
    }
    return result;
  }

 private:
  std::atomic<std::uint32_t> size_;  ///< with 1 added; 0: not set
  std::array<std::atomic<char>, size> bytes_;
};

/// The number of stripes: threads add to different ones, so that they seldom share a cache line.
inline constexpr std::size_t kStripes = 8;

/// A script that serves requests in a process group.
struct ScriptRow {
  SharedText<64> group;
  SharedText<256> script;
  std::array<RequestCounts, kStripes> stripes;
  /// The last load that an engine has told of: its number in that process, when it ended by
  /// base::now(), and in ns since the epoch; 0: nothing yet.
  std::atomic<std::uint32_t> generation;
  std::atomic<base::Nanos> loaded_at;
  std::atomic<std::int64_t> loaded_time;

  /// When a reload was last told of that a daemon process had claimed, by base::now().
  std::atomic<base::Nanos> claim_told_at;

  /// Returns true if one may be told of now: at most once in a second, as a process may claim
  /// another with each request.
  bool may_tell_claim(base::Nanos now) noexcept;

  /// Notes a load. Returns false if it, or a later one, is known.
  bool note_load(std::uint32_t number, base::Nanos at) noexcept;

  RequestReading read() const noexcept;
};

/// A process group.
struct alignas(64) GroupRow {
  SharedText<64> name;
  Counters counters;
  /// The processor time of all processes that the group has had, as the supervisors add it up.
  std::atomic<base::Nanos> cpu;
  /// Requests in which the pickle guard met each hazard.
  std::array<std::atomic<std::uint64_t>, kHazards.size()> hazards;
  /// Waiting for the GIL, of the requests that the engine has measured.
  Histogram gil_wait;
  /// Interpreters of the process that has told it last.
  std::atomic<std::uint32_t> interpreters;
  /// The number of processes that a group with processes=MIN-MAX is to have now; 0: not known.
  std::atomic<std::uint32_t> wanted;
};

/// The states of a daemon process.
enum class ProcessState : std::uint32_t { starting, ready, keeping, draining, leaving, count_ };
inline constexpr std::array<std::string_view, static_cast<std::size_t>(ProcessState::count_)>
    kProcessStateNames = {"starting", "ready", "keeping", "draining", "leaving"};

/// The values of a daemon process that its supervisor writes.
struct ProcessReading {
  std::uint32_t group = 0;  ///< index of its GroupRow
  std::int32_t pid = 0;
  std::int32_t generation = 0;  ///< httpd's, of the configuration that the process belongs to
  ProcessState state = ProcessState::starting;
  std::uint32_t code = 0;  ///< version of the group's code that it has
  std::uint32_t in_flight = 0;
  std::uint64_t served = 0;
  base::Nanos started = 0;
  base::Nanos ready = 0;  ///< 0: never yet
  std::uint64_t resident = 0;
  base::Nanos cpu = 0;
  std::uint32_t descriptors = 0;
  std::uint32_t threads = 0;
};

/// A daemon process. The supervisor that started it, or that one's successor, has the row for
/// itself.
class alignas(64) ProcessRow {
 public:
  /// Takes the row if it is free.
  bool claim(std::int32_t pid) noexcept;
  void write(const ProcessReading& reading) noexcept;
  void release() noexcept { pid_.store(0, std::memory_order_release); }
  /// Returns the pid, or 0 if the row is free.
  std::int32_t pid() const noexcept { return pid_.load(std::memory_order_acquire); }
  ProcessReading read() const noexcept;

 private:
  std::atomic<std::int32_t> pid_;
  std::atomic<std::uint32_t> group_;
  std::atomic<std::int32_t> generation_;
  std::atomic<std::uint32_t> state_;
  std::atomic<std::uint32_t> code_;
  std::atomic<std::uint32_t> in_flight_;
  std::atomic<std::uint64_t> served_;
  std::atomic<base::Nanos> started_;
  std::atomic<base::Nanos> ready_;
  std::atomic<std::uint64_t> resident_;
  std::atomic<base::Nanos> cpu_;
  std::atomic<std::uint32_t> descriptors_;
  std::atomic<std::uint32_t> threads_;
};

/// All of the memory; every member's initial value is zero bytes. A table is searched by the hash
/// of a row's name: `keys` has it for each row, 0 for a free one.
class Board {
 public:
  /// Raise it with each change of the layout, so that a build that is loaded by a restart does not
  /// take another's memory for its own.
  static constexpr std::uint32_t kVersion = 5;
  static constexpr std::size_t kGroups = 256;
  static constexpr std::size_t kScripts = 1024;
  static constexpr std::size_t kProcesses = 4096;
  static constexpr std::size_t kRunning = 4096;

  /// The time of day at which the board was made, in seconds since the epoch.
  std::atomic<std::int64_t> made_at;

  /// Returns the row of a group, which is made if there is none. The last row is that of all for
  /// which there is no room.
  GroupRow& group(std::string_view name) noexcept;
  std::uint32_t index_of(const GroupRow& row) const noexcept;
  /// Returns the row of that index, or null if it is none.
  const GroupRow* group_at(std::uint32_t index) const noexcept {
    return index <= kGroups ? &groups_[index] : nullptr;
  }

  /// Returns the row of a script in a group, which is made if there is none. Only the group's own
  /// scripts that find no room share a row, named kOther.
  ScriptRow& script(std::string_view group, std::string_view script) noexcept;

  std::uint64_t index_of(const ScriptRow& row) const noexcept;
  /// Returns the row of that index, or null if it is none.
  const ScriptRow* script_at(std::uint64_t index) const noexcept {
    return index <= kScripts ? &scripts_[index] : nullptr;
  }

  /// Returns a row for the requests of the calling thread, or null if all are taken.
  RunningRow* running(std::int32_t pid, std::int32_t tid, std::uint64_t handle = 0) noexcept;
  /// Returns the row of that index, or null if it is none.
  const RunningRow* running_at(std::size_t index) const noexcept {
    return index < kRunning ? &running_[index] : nullptr;
  }
  std::size_t index_of(const RunningRow& row) const noexcept {
    return static_cast<std::size_t>(&row - running_.data());
  }
  StackPlace& stack_place(const RunningRow& row) noexcept { return stacks_[index_of(row)]; }
  /// Frees the rows of threads whose process `exists` does not know.
  template <class Exists>
  void sweep_running(Exists exists) noexcept {
    for (RunningRow& row : running_) {
      const std::int32_t pid = row.pid();
      if (pid > 0 && !exists(pid)) row.take_from(pid);
    }
  }

  Ring<SlowRecord, 64> slow;
  Ring<ErrorRecord, 64> errors;
  Ring<EventRecord, 128> events;

  /// Returns a row for a process, or null if all are taken.
  ProcessRow* process(std::int32_t pid) noexcept;
  /// Returns the row that a process has, or null.
  ProcessRow* row_of(std::int32_t pid) noexcept;

  /// Returns the stripe of a thread that asks for the first time.
  std::size_t next_stripe() noexcept {
    return stripe_.fetch_add(1, std::memory_order_relaxed) % kStripes;
  }

  /// Calls `visit` with each row that is in use.
  template <class Visit>
  void each_group(Visit visit) const {
    for (std::size_t i = 0; i < kGroups; ++i) {
      if (group_keys_[i].load(std::memory_order_acquire) == 0) break;
      if (groups_[i].name.is_set()) visit(groups_[i]);
    }
    if (groups_[kGroups].name.is_set()) visit(groups_[kGroups]);
  }
  template <class Visit>
  void each_script(Visit visit) const {
    for (std::size_t i = 0; i < kScripts; ++i) {
      if (script_keys_[i].load(std::memory_order_acquire) == 0) break;
      if (scripts_[i].script.is_set()) visit(scripts_[i]);
    }
    if (scripts_[kScripts].script.is_set()) visit(scripts_[kScripts]);
  }
  template <class Visit>
  void each_process(Visit visit) const {
    const std::uint32_t end = processes_used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < kProcesses && i < end; ++i) {
      if (processes_[i].pid() > 0) visit(processes_[i]);
    }
  }
  template <class Visit>
  void each_running(Visit visit) const {
    const std::uint32_t end = running_used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < kRunning && i < end; ++i) {
      if (running_[i].pid() > 0) visit(running_[i]);
    }
  }

 private:
  std::array<std::atomic<std::uint64_t>, kGroups> group_keys_;
  std::array<std::atomic<std::uint64_t>, kScripts> script_keys_;
  std::atomic<std::uint32_t> processes_used_;  ///< no row from here on has been taken yet
  std::atomic<std::uint32_t> running_used_;    ///< likewise
  std::atomic<std::uint32_t> stripe_;
  std::array<GroupRow, kGroups + 1> groups_;
  std::array<ProcessRow, kProcesses> processes_;
  std::array<ScriptRow, kScripts + 1> scripts_;
  std::array<RunningRow, kRunning> running_;
  std::array<StackPlace, kRunning> stacks_;  ///< one for each row of running_
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
                  std::atomic<base::Nanos>::is_always_lock_free,
              "processes share these: they must not depend on a lock in one of them");

}  // namespace brine::metrics

// What httpd's processes, the supervisor and the daemon processes know of each other: counters and
// states in shared memory. The supervisor and httpd's processes have all of it, a daemon process
// has its own slot's. Every member is atomic; nobody waits for a lock here, so a process that dies
// leaves nothing locked.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/shared_memory.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/broken_scripts.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// What a group counts; names in kCounterNames.
enum class Counter : std::uint8_t {
  requests,         ///< taken up by a thread
  overfull,         ///< refused, since too many waited
  not_ready,        ///< gave up waiting for a process to be ready (connect-timeout)
  queue_timeout,    ///< gave up waiting for a thread (queue-timeout)
  request_timeout,  ///< ran into request-timeout
  socket_timeout,
  crashed,      ///< were in a process that died
  bad_answers,  ///< were answered with what is no answer
  moved,        ///< sent to another process, as the first died or was busy
  reloads,      ///< changes of a script that led to new processes
  restarts,     ///< processes started in place of another
  deaths,       ///< processes that ended without being told to
  load_failures,
  deadlock,
  inactivity,
  maximum_requests,
  restart_interval,
  cpu_time,
  memory,
  startup_timeout,
  shutdown_timeout,
  graceful_timeout,
  eviction,
  count_,
};

inline constexpr std::array<std::string_view, static_cast<std::size_t>(Counter::count_)>
    kCounterNames = {"requests",         "overfull",         "not-ready",
                     "queue-timeout",    "request-timeout",  "socket-timeout",
                     "crashed",          "bad-answers",      "moved",
                     "reloads",          "restarts",         "deaths",
                     "load-failures",    "deadlock-timeout", "inactivity-timeout",
                     "maximum-requests", "restart-interval", "cpu-time-limit",
                     "memory-recycle",   "startup-timeout",  "shutdown-timeout",
                     "graceful-timeout", "eviction"};

enum class SlotState : std::uint32_t {
  empty,
  starting,
  ready,
  keeping,  ///< it serves requests only for scripts that processes with newer code lack
  leaving,
};

/// One place for a daemon process, as httpd's processes and the supervisor know it. No daemon
/// process has this memory.
struct alignas(64) Slot {
  std::atomic<SlotState> state;
  std::atomic<std::int32_t> pid;
  std::atomic<std::uint32_t> incarnation;  ///< of the process that is in it; below 2^31
  std::atomic<std::uint32_t> code;         ///< version of the group's code that it has loaded
  std::atomic<base::Nanos> started;
};

/// What a thread of a daemon process is doing. Written by it alone, read by the process's monitor,
/// and by the supervisor when the process has died.
struct alignas(64) ThreadRecord {
  std::atomic<base::Nanos> since;     ///< when it took up its request; 0: it has none
  std::atomic<std::uint64_t> handle;  ///< its pthread_self()
  std::array<char, 112> what;         ///< "GET /path", cut off; ends with NUL
};

using Counters = std::array<std::atomic<std::uint64_t>, static_cast<std::size_t>(Counter::count_)>;

/// What the process in a slot shares with httpd's processes and the supervisor: all that it has of
/// the scoreboard. It runs a tenant's code, which can write anything here at any time: httpd's side
/// reads it by read_slot() and since_of(), and takes nothing of it for an index, a pid or a size.
struct alignas(64) SlotMemory {
  /// Highest bit: closed. 31 bits: incarnation. 32 bits: requests that were admitted and not ended.
  std::atomic<std::uint64_t> gate;
  alignas(64) std::atomic<std::uint64_t> served;
  std::atomic<base::Nanos> activity;     ///< the last request's start or end
  std::atomic<base::Nanos> gil_touched;  ///< when all GILs were last seen free
  Counters counters;                     ///< what the slot's processes count
};

/// A slot's memory, where a process has mapped it.
struct ProcessView {
  SlotMemory* memory = nullptr;
  std::span<ThreadRecord> threads;

  void count(Counter counter) const noexcept {
    memory->counters[static_cast<std::size_t>(counter)].fetch_add(1, std::memory_order_relaxed);
  }
};

/// So much memory has a slot of a group with so many threads: whole pages, so that a process can
/// map its own slot alone.
std::size_t slot_bytes(std::size_t threads) noexcept;

/// Where a slot's memory begins in its group's file.
std::size_t slot_offset(std::size_t slot, std::size_t threads) noexcept;

/// The view of a slot's memory at `data`, which has slot_bytes(threads).
ProcessView view_slot(char* data, std::size_t threads) noexcept;

/// A group's row.
struct alignas(64) GroupBoard {
  /// Futex: changes whenever a process is ready, or a hope for one is gone.
  std::atomic<std::uint32_t> change;
  std::atomic<std::uint32_t> code;         ///< newest code version that has been asked for
  std::atomic<std::uint32_t> failed_code;  ///< newest one whose scripts did not load
  /// When a request last waited for a process of the group.
  std::atomic<base::Nanos> awaited_at;
  /// When the supervisor last saw that it has to put off the start of a process, and that none of
  /// the group is starting: other groups' processes take all processors.
  std::atomic<base::Nanos> in_line_at;
  Counters counters;  ///< what httpd's processes and the supervisor count
  BrokenScripts broken;
};

/// The gate's parts.
struct Gate {
  bool closed;
  std::uint32_t incarnation;
  std::uint32_t in_flight;
};
Gate gate_of(std::uint64_t word) noexcept;

/// Counts a request in. Returns false if the gate is closed, another process is in the slot, or
/// there are `most` requests already.
bool enter(SlotMemory& memory, std::uint32_t incarnation,
           std::uint64_t most = ~std::uint64_t{0}) noexcept;

/// Counts a request out; nothing happens if another process is in the slot. Returns the gate after.
Gate leave(SlotMemory& memory, std::uint32_t incarnation, std::uint32_t requests = 1) noexcept;

/// Lets no further request in.
Gate close(SlotMemory& memory) noexcept;

/// A new process moves in, behind a closed gate: the slot's next incarnation.
std::uint32_t move_in(Slot& slot, SlotMemory& memory) noexcept;

/// Lets requests in to the process that has moved in.
void open(const Slot& slot, SlotMemory& memory) noexcept;

/// What a process says of itself in its slot's memory, as far as it can be: no time lies after
/// `now` or before the clock's beginning.
struct SlotReading {
  std::uint64_t served = 0;
  std::uint32_t in_flight = 0;
  base::Nanos activity = 0;
  base::Nanos gil_touched = 0;
};
SlotReading read_slot(const SlotMemory& memory, base::Nanos now) noexcept;

/// Likewise, since when a thread has had its request; 0: it has none.
base::Nanos since_of(const ThreadRecord& record, base::Nanos now) noexcept;

/// One group's rows, as httpd's processes and the supervisor see them.
struct GroupView {
  GroupBoard* board = nullptr;
  std::span<Slot> slots;
  std::span<const ProcessView> processes;  ///< the memory of each slot

  SlotMemory& memory_of(std::size_t slot) const { return *processes[slot].memory; }
  std::span<ThreadRecord> threads_of(std::size_t slot) const { return processes[slot].threads; }
  void count(Counter counter, std::uint64_t n = 1) const noexcept {
    board->counters[static_cast<std::size_t>(counter)].fetch_add(n, std::memory_order_relaxed);
  }
  std::uint64_t counted(Counter counter) const noexcept;
  /// Whether a request has waited for a process of the group just now.
  bool is_awaited(base::Nanos now) const noexcept;
  /// Whether the group's next process waits for its turn to be started.
  bool is_in_line(base::Nanos now) const noexcept;
  /// Wakes everyone who waits for a process to be ready.
  void announce_change() const noexcept;
  /// Waits until the word is no longer `seen`, or until `deadline`.
  void wait_for_change(std::uint32_t seen, base::Nanos deadline) const noexcept;
};

/// So many slots has a group: its processes, their successors, and one more, so that a crash while
/// all are being replaced finds a place.
std::size_t slot_count(const Group& group) noexcept;

/// So many threads serve in each of a group's processes; a service counts as one.
std::size_t thread_count(const Group& group) noexcept;

/// All groups' rows. Made before the first fork.
class Scoreboard {
 public:
  /// Throws std::system_error.
  explicit Scoreboard(std::span<const Group* const> groups);

  const GroupView& group(std::size_t index) const { return views_[index]; }

  /// The file of which each of the group's processes maps its slot: of a size that nobody can
  /// change. One for a group, so that a group costs httpd's first process one descriptor; the
  /// processes of a group have one user, and could do each other worse than to write here.
  int memory_file(std::size_t group) const { return files_[group].get(); }

  /// In httpd's children, which start no daemon process: closes the files, and keeps the memory.
  void close_files() { files_.clear(); }

 private:
  std::vector<base::SharedMemory> memory_;
  std::vector<base::UniqueFd> files_;  ///< of each group
  std::vector<std::vector<ProcessView>> processes_;
  std::vector<GroupView> views_;
};

}  // namespace brine::daemon

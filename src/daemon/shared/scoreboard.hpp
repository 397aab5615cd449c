// The scoreboard: counters and states in memory that httpd's processes, the supervisor and the
// daemon processes share. httpd's processes and the supervisor map all of it, a daemon process its
// own slot's memory. Every member is atomic and there are no locks, so a process that dies leaves
// nothing locked.
#pragma once

#include <string.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/shared_memory.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/broken_scripts.hpp"
#include "daemon/shared/group.hpp"
#include "metrics/board.hpp"
#include "metrics/counter.hpp"
#include "metrics/recent.hpp"
#include "metrics/stack_place.hpp"

namespace brine::daemon {

using metrics::Counter;

/// The state of the process in a slot, as httpd's children need it.
enum class SlotState : std::uint32_t {
  empty,
  starting,
  ready,
  keeping,  ///< serves only scripts that processes with newer code lack
  leaving,
};

/// A place for one daemon process, in memory that no daemon process maps.
struct alignas(64) Slot {
  std::atomic<SlotState> state;
  std::atomic<std::int32_t> pid;
  std::atomic<std::uint32_t> incarnation;  ///< of the process in the slot; below 2^31
  std::atomic<std::uint32_t> code;         ///< version of the group's code that the process has
  std::atomic<base::Nanos> started;
};

/// The activity of a thread of a daemon process. The thread writes it; the process's monitor reads
/// it, and so does the supervisor when the process has died.
struct alignas(64) ThreadRecord {
  std::atomic<base::Nanos> since;     ///< when it took up its request; 0: it has none
  std::atomic<std::uint64_t> handle;  ///< its pthread_self()
  std::array<char, 112> what;         ///< "GET /path", cut off; ends with NUL
  std::array<char, 64> id;            ///< of the request, cut off; a NUL follows a shorter one
};

/// The part of the scoreboard that the process in a slot maps. The process runs a tenant's code,
/// which can write anything here at any time: the other processes read it by read_slot() and
/// since_of(), and use nothing of it as an index, a pid or a size.
struct alignas(64) SlotMemory {
  /// The highest bit tells whether the gate is closed, 31 bits are the incarnation, and 32 bits
  /// count the requests that were let in and have not ended.
  std::atomic<std::uint64_t> gate;
  std::atomic<std::uint32_t> computing;  ///< requests that have computed for a while, and go on
  alignas(64) std::atomic<std::uint64_t> served;
  std::atomic<base::Nanos> activity;     ///< when the last request began or ended
  std::atomic<base::Nanos> gil_touched;  ///< when all GILs were last seen free
};

/// A slot's memory as a process has mapped it.
struct ProcessView {
  SlotMemory* memory = nullptr;
  std::span<ThreadRecord> threads;
  std::span<metrics::StackPlace> stacks;  ///< one for each thread
};

/// Returns the size of a slot's memory in a group with so many threads. It is a multiple of the
/// page size, so that a process can map its own slot alone.
std::size_t slot_bytes(std::size_t threads) noexcept;

/// Returns where a slot's memory begins in its group's file.
std::size_t slot_offset(std::size_t slot, std::size_t threads) noexcept;

/// Returns the view of a slot's memory at `data`, which has slot_bytes(threads).
ProcessView view_slot(char* data, std::size_t threads) noexcept;

/// A group's row.
struct alignas(64) GroupBoard {
  /// A futex that changes whenever a process becomes ready, or no longer will.
  std::atomic<std::uint32_t> change;
  std::atomic<std::uint32_t> code;         ///< newest version that has been asked for
  std::atomic<std::uint32_t> failed_code;  ///< newest version whose scripts did not load
  /// The last time that a request waited for a process of the group.
  std::atomic<base::Nanos> awaited_at;
  /// The last time that the supervisor delayed a start of the group because other groups' processes
  /// take all processors, while no process of the group was starting.
  std::atomic<base::Nanos> in_line_at;
  /// The last time that the supervisor was told of a request that waits for a thread.
  std::atomic<base::Nanos> crowded_at;
  BrokenScripts broken;
};

/// The parts of a gate's word.
struct Gate {
  bool closed;
  std::uint32_t incarnation;
  std::uint32_t in_flight;
};
Gate gate_of(std::uint64_t word) noexcept;

/// Counts a request in. Returns false if the gate is closed, another process is in the slot, or
/// `most` requests have been let in.
bool enter(SlotMemory& memory, std::uint32_t incarnation,
           std::uint64_t most = ~std::uint64_t{0}) noexcept;

/// Counts requests out, unless another process is in the slot. Returns the gate afterwards.
Gate leave(SlotMemory& memory, std::uint32_t incarnation, std::uint32_t requests = 1) noexcept;

/// Closes the gate. Returns it as it is afterwards.
Gate close(SlotMemory& memory) noexcept;

/// Closes the gate of the slot's process, unless another process is in the slot.
void close(SlotMemory& memory, std::uint32_t incarnation) noexcept;

/// Closes the gate and gives the slot its next incarnation number, which is returned.
std::uint32_t move_in(Slot& slot, SlotMemory& memory) noexcept;

/// Opens the gate for the slot's process.
void open(const Slot& slot, SlotMemory& memory) noexcept;

/// The values that a process has written into its slot's memory, with times limited to the range
/// from the clock's beginning to `now`.
struct SlotReading {
  std::uint64_t served = 0;
  std::uint32_t in_flight = 0;
  base::Nanos activity = 0;
  base::Nanos gil_touched = 0;
};
SlotReading read_slot(const SlotMemory& memory, base::Nanos now) noexcept;

/// Returns how many of the requests that `gate` has let in compute, as the process says.
std::uint32_t computing_in(const SlotMemory& memory, const Gate& gate) noexcept;

/// Returns since when a thread has had its request, limited likewise; 0: it has none.
base::Nanos since_of(const ThreadRecord& record, base::Nanos now) noexcept;

/// Returns a text of a ThreadRecord, which is never longer than its place.
template <std::size_t size>
std::string_view text_in(const std::array<char, size>& place) noexcept {
  return {place.data(), ::strnlen(place.data(), size)};
}

/// Returns the index of the thread that has a request, as the process says; nothing if none has.
/// Clients may choose ids (WSGIRequestIdHeader), so the method and the path have to be the same.
std::optional<std::size_t> thread_with(std::span<const ThreadRecord> threads,
                                       const metrics::RequestName& request,
                                       base::Nanos now) noexcept;

/// A group's part of the scoreboard, as httpd's processes and the supervisor see it.
struct GroupView {
  GroupBoard* board = nullptr;
  std::span<Slot> slots;
  std::span<const ProcessView> processes;  ///< the memory of each slot
  metrics::GroupRow* numbers = nullptr;    ///< what is counted, beyond this configuration too

  SlotMemory& memory_of(std::size_t slot) const { return *processes[slot].memory; }
  std::span<ThreadRecord> threads_of(std::size_t slot) const { return processes[slot].threads; }
  void count(Counter counter, std::uint64_t n = 1) const noexcept {
    numbers->counters[static_cast<std::size_t>(counter)].fetch_add(n, std::memory_order_relaxed);
  }
  /// Returns true if a request has just waited for a process of the group.
  bool is_awaited(base::Nanos now) const noexcept;
  /// Returns true if the group's next process waits for its turn to be started.
  bool is_in_line(base::Nanos now) const noexcept;
  /// Wakes all that wait in wait_for_change().
  void announce_change() const noexcept;
  /// Waits until `change` is no longer `seen`, or until `deadline`.
  void wait_for_change(std::uint32_t seen, base::Nanos deadline) const noexcept;
};

/// Returns the number of a group's slots: one for each process, one for each successor, and one for
/// a crash while all processes are being replaced.
std::size_t slot_count(const Group& group) noexcept;

/// Returns the number of threads that serve in each process of a group; 1 for a service.
std::size_t thread_count(const Group& group) noexcept;

/// The memory of all groups, made before the first fork.
class Scoreboard {
 public:
  /// Maps zero-filled memory for these groups, which count on `board`. Throws std::system_error.
  Scoreboard(std::span<const Group* const> groups, metrics::Board& board);

  const GroupView& group(std::size_t index) const { return views_[index]; }

  /// Returns the file of which each of the group's processes maps its slot; its size cannot be
  /// changed. There is one file for each group, so that a group costs httpd's first process one
  /// descriptor. The processes of a group have one user, and could do each other worse harm than to
  /// write here.
  int memory_file(std::size_t group) const { return files_[group].get(); }

  /// Closes the files and keeps the memory, in httpd's children, which start no daemon process.
  void close_files() { files_.clear(); }

 private:
  std::vector<base::SharedMemory> memory_;
  std::vector<base::UniqueFd> files_;  ///< one for each group
  std::vector<std::vector<ProcessView>> processes_;
  std::vector<GroupView> views_;
};

}  // namespace brine::daemon

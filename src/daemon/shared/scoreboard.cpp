#include "daemon/shared/scoreboard.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>

namespace brine::daemon {

namespace {

constexpr std::uint64_t kClosed = 1ULL << 63;
constexpr int kIncarnationShift = 32;
constexpr std::uint64_t kCountMask = 0xffffffffULL;

// A sign that is renewed each second is valid for this long, since its writer may have died.
constexpr base::Nanos kSignHolds = 3 * base::kSecond;

bool holds(const std::atomic<base::Nanos>& sign, base::Nanos now) {
  const base::Nanos given = sign.load(std::memory_order_acquire);
  return given != 0 && now - given < kSignHolds;
}

std::uint32_t* futex_of(std::atomic<std::uint32_t>& word) {
  static_assert(sizeof(word) == sizeof(std::uint32_t));
  return reinterpret_cast<std::uint32_t*>(&word);
}

}  // namespace

static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
                  std::atomic<std::uint32_t>::is_always_lock_free,
              "processes share these: they must not depend on a lock in one of them");

Gate gate_of(std::uint64_t word) noexcept {
  return {(word & kClosed) != 0, static_cast<std::uint32_t>((word & ~kClosed) >> kIncarnationShift),
          static_cast<std::uint32_t>(word & kCountMask)};
}

bool enter(SlotMemory& memory, std::uint32_t incarnation, std::uint64_t most) noexcept {
  std::uint64_t seen = memory.gate.load(std::memory_order_relaxed);
  do {
    const Gate gate = gate_of(seen);
    if (gate.closed || gate.incarnation != incarnation || gate.in_flight >= most) return false;
  } while (!memory.gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
  return true;
}

Gate leave(SlotMemory& memory, std::uint32_t incarnation, std::uint32_t requests) noexcept {
  std::uint64_t seen = memory.gate.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const Gate gate = gate_of(seen);
    if (gate.incarnation != incarnation) return gate;
    next = seen - std::min(gate.in_flight, requests);
  } while (!memory.gate.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
  return gate_of(next);
}

Gate close(SlotMemory& memory) noexcept {
  return gate_of(memory.gate.fetch_or(kClosed, std::memory_order_acq_rel) | kClosed);
}

void close(SlotMemory& memory, std::uint32_t incarnation) noexcept {
  std::uint64_t word = memory.gate.load();
  while (gate_of(word).incarnation == incarnation &&
         !memory.gate.compare_exchange_weak(word, word | kClosed)) {
  }
}

std::uint32_t move_in(Slot& slot, SlotMemory& memory) noexcept {
  const std::uint32_t incarnation = (slot.incarnation.load() + 1) & 0x7fffffffU;
  slot.incarnation.store(incarnation);
  memory.gate.store(kClosed | std::uint64_t{incarnation} << kIncarnationShift);
  return incarnation;
}

void open(const Slot& slot, SlotMemory& memory) noexcept {
  memory.gate.store(std::uint64_t{slot.incarnation.load()} << kIncarnationShift);
}

SlotReading read_slot(const SlotMemory& memory, base::Nanos now) noexcept {
  const auto time = [now](const std::atomic<base::Nanos>& value) {
    return std::clamp<base::Nanos>(value.load(), 0, now);
  };
  return {memory.served.load(), gate_of(memory.gate.load()).in_flight, time(memory.activity),
          time(memory.gil_touched)};
}

std::uint32_t computing_in(const SlotMemory& memory, const Gate& gate) noexcept {
  return std::min(memory.computing.load(std::memory_order_relaxed), gate.in_flight);
}

base::Nanos since_of(const ThreadRecord& record, base::Nanos now) noexcept {
  return std::clamp<base::Nanos>(record.since.load(std::memory_order_acquire), 0, now);
}

std::optional<std::size_t> thread_with(std::span<const ThreadRecord> threads,
                                       const metrics::RequestName& request,
                                       base::Nanos now) noexcept {
  const std::string_view id = request.id.view();
  if (id.empty()) return std::nullopt;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    const ThreadRecord& record = threads[i];
    const std::string_view what = request.what.view().substr(0, record.what.size() - 1);
    if (since_of(record, now) != 0 && text_in(record.id).starts_with(id) &&
        text_in(record.what) == what) {
      return i;
    }
  }
  return std::nullopt;
}

bool GroupView::is_awaited(base::Nanos now) const noexcept { return holds(board->awaited_at, now); }

bool GroupView::is_in_line(base::Nanos now) const noexcept { return holds(board->in_line_at, now); }

void GroupView::announce_change() const noexcept {
  board->change.fetch_add(1, std::memory_order_acq_rel);
  syscall(SYS_futex, futex_of(board->change), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void GroupView::wait_for_change(std::uint32_t seen, base::Nanos deadline) const noexcept {
  const timespec until{deadline / base::kSecond, deadline % base::kSecond};
  // FUTEX_WAIT_BITSET takes an absolute time of the monotonic clock.
  syscall(SYS_futex, futex_of(board->change), FUTEX_WAIT_BITSET, seen, &until, nullptr,
          FUTEX_BITSET_MATCH_ANY);
}

std::size_t slot_count(const Group& group) noexcept {
  return 2 * static_cast<std::size_t>(group.processes) + 1;
}

std::size_t thread_count(const Group& group) noexcept {
  return static_cast<std::size_t>(std::max(1, group.threads));
}

std::size_t slot_bytes(std::size_t threads) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t each = sizeof(ThreadRecord) + sizeof(metrics::StackPlace);
  return (sizeof(SlotMemory) + threads * each + page - 1) / page * page;
}

std::size_t slot_offset(std::size_t slot, std::size_t threads) noexcept {
  return slot * slot_bytes(threads);
}

ProcessView view_slot(char* data, std::size_t threads) noexcept {
  char* const records = data + sizeof(SlotMemory);
  char* const stacks = records + threads * sizeof(ThreadRecord);
  return {reinterpret_cast<SlotMemory*>(data),
          {reinterpret_cast<ThreadRecord*>(records), threads},
          {reinterpret_cast<metrics::StackPlace*>(stacks), threads}};
}

// Every member's initial value is zero bytes.
Scoreboard::Scoreboard(std::span<const Group* const> groups, metrics::Board& board) {
  for (const Group* group : groups) {
    const std::size_t slots = slot_count(*group);
    const std::size_t threads = thread_count(*group);
    char* const row = memory_.emplace_back(sizeof(GroupBoard) + slots * sizeof(Slot)).data();
    const std::size_t bytes = slot_offset(slots, threads);
    files_.push_back(base::memory_file("brine slots", bytes));
    char* const memory = memory_.emplace_back(files_.back().get(), 0, bytes).data();
    std::vector<ProcessView>& processes = processes_.emplace_back();
    for (std::size_t slot = 0; slot < slots; ++slot) {
      processes.push_back(view_slot(memory + slot_offset(slot, threads), threads));
    }
    views_.push_back({reinterpret_cast<GroupBoard*>(row),
                      {reinterpret_cast<Slot*>(row + sizeof(GroupBoard)), slots},
                      processes,
                      &board.group(group->name)});
  }
}

}  // namespace brine::daemon

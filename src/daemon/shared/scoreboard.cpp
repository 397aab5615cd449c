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

bool enter(Slot& slot, std::uint32_t incarnation, std::uint64_t most) noexcept {
  std::uint64_t seen = slot.gate.load(std::memory_order_relaxed);
  do {
    const Gate gate = gate_of(seen);
    if (gate.closed || gate.incarnation != incarnation || gate.in_flight >= most) return false;
  } while (!slot.gate.compare_exchange_weak(seen, seen + 1, std::memory_order_acq_rel,
                                            std::memory_order_relaxed));
  return true;
}

Gate leave(Slot& slot, std::uint32_t incarnation, std::uint32_t requests) noexcept {
  std::uint64_t seen = slot.gate.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const Gate gate = gate_of(seen);
    if (gate.incarnation != incarnation) return gate;
    next = seen - std::min(gate.in_flight, requests);
  } while (!slot.gate.compare_exchange_weak(seen, next, std::memory_order_acq_rel,
                                            std::memory_order_relaxed));
  return gate_of(next);
}

Gate close(Slot& slot) noexcept {
  return gate_of(slot.gate.fetch_or(kClosed, std::memory_order_acq_rel) | kClosed);
}

std::uint32_t move_in(Slot& slot) noexcept {
  const Gate old = gate_of(slot.gate.load());
  const std::uint32_t incarnation = (old.incarnation + 1) & 0x7fffffffU;
  slot.gate.store(kClosed | std::uint64_t{incarnation} << kIncarnationShift);
  return incarnation;
}

void open(Slot& slot, std::uint32_t incarnation) noexcept {
  std::uint64_t closed = kClosed | std::uint64_t{incarnation} << kIncarnationShift;
  slot.gate.compare_exchange_strong(closed, closed & ~kClosed);
}

void GroupView::announce_change() const noexcept {
  board->change.fetch_add(1, std::memory_order_acq_rel);
  syscall(SYS_futex, futex_of(board->change), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void GroupView::wait_for_change(std::uint32_t seen, base::Nanos deadline) const noexcept {
  const timespec until{deadline / base::kSecond, deadline % base::kSecond};
  // FUTEX_WAIT_BITSET takes a point in time of the monotonic clock.
  syscall(SYS_futex, futex_of(board->change), FUTEX_WAIT_BITSET, seen, &until, nullptr,
          FUTEX_BITSET_MATCH_ANY);
}

std::size_t slot_count(const Group& group) noexcept {
  return 2 * static_cast<std::size_t>(group.processes) + 1;
}

Scoreboard::Scoreboard(std::span<const Group* const> groups) {
  for (const Group* group : groups) {
    GroupView view;
    const std::size_t slots = slot_count(*group);
    view.threads_per_slot = static_cast<std::size_t>(std::max(1, group->threads));
    const std::size_t records = slots * view.threads_per_slot;
    // Zero bytes are the initial value of every member.
    memory_.emplace_back(sizeof(GroupBoard) + slots * sizeof(Slot) +
                         records * sizeof(ThreadRecord));
    char* at = memory_.back().data();
    view.board = reinterpret_cast<GroupBoard*>(at);
    at += sizeof(GroupBoard);
    view.slots = {reinterpret_cast<Slot*>(at), slots};
    at += slots * sizeof(Slot);
    view.threads = {reinterpret_cast<ThreadRecord*>(at), records};
    views_.push_back(view);
  }
}

void Scoreboard::keep_only(std::size_t index) {
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (i == index) continue;
    memory_[i] = {};
    views_[i] = {};
  }
}

}  // namespace brine::daemon

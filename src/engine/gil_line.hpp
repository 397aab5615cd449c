// A line in which requests wait for the GIL in the order in which they came. Does not use Python.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <utility>

#include "base/clock.hpp"

namespace brine::engine {

/// The least number of threads that may wait for a GIL itself: one is there when it becomes free,
/// while the next one is on its way from the line.
inline constexpr unsigned kFewestAtGil = 2;

/// The greatest number, which stands for any: all is as if there were no line.
inline constexpr unsigned kAnyAtGil = 64;

/// Where requests give the GIL on sooner than after this time, a line costs more than it gains: the
/// time that a thread needs to wake up, from the line and again from the GIL.
inline constexpr base::Nanos kShortHold = 200 * base::kMicrosecond;

/// Returns how many threads may wait for the GIL itself, where `at_gil` may now, and one has got it
/// for which it waited while no other one of the line got it for the time `hold`. Holds that are
/// not short make the line narrower, and short ones wider. One of a whole `turn` (the switch
/// interval) tells nothing: who held the GIL computes on.
constexpr unsigned next_at_gil(unsigned at_gil, base::Nanos hold, base::Nanos turn) noexcept {
  if (hold >= turn) return at_gil;
  if (hold < kShortHold) return std::min(at_gil + 1, kAnyAtGil);
  return std::max(at_gil - 1, kFewestAtGil);
}

/// The line before one GIL. CPython keeps no order among the threads that wait for the GIL: one
/// that has just come takes it from under the one that was woken for it, which then waits behind
/// all others again, so that some of many equal requests take several times as long as most. Here
/// only a few threads at once wait for the GIL itself, and the others stand in the line. A thread
/// gives its place at the GIL up as soon as it has the GIL, so that nothing that the application
/// does, with the GIL or without it, holds the line up. When somebody has held it for a whole turn,
/// all who stand in the line go to the GIL: who computes comes back, and they are to have their
/// turns before it does.
class GilLine {
 public:
  /// `turn` is the GIL's switch interval, as it is configured.
  explicit GilLine(base::Nanos turn, unsigned most_at_gil = kAnyAtGil)
      : turn_(turn), most_at_gil_(most_at_gil) {}
  GilLine(const GilLine&) = delete;
  GilLine& operator=(const GilLine&) = delete;

  /// Returns how many threads stand in the line.
  std::size_t waiting() {
    const std::lock_guard lock(mutex_);
    return waiters_.size();
  }

  /// The calling thread's place at the GIL.
  class Place {
   public:
    /// BLOCKS until there is a place. The caller holds no GIL of this line.
    Place(GilLine& line, base::Nanos now) : line_(&line), since_(now) { line.enter(); }
    ~Place() {
      if (line_ != nullptr) line_->leave();
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// Gives the place up, since the thread has got the GIL.
    void has_gil(base::Nanos now) noexcept { std::exchange(line_, nullptr)->got(since_, now); }

   private:
    GilLine* line_;  // null when the place is given up
    const base::Nanos since_;
  };

 private:
  struct Waiter {
    std::condition_variable called;
    bool has_place = false;
  };

  void enter();
  void got(base::Nanos since, base::Nanos now) noexcept;
  void leave() noexcept;
  bool has_room() const noexcept { return most_at_gil_ == kAnyAtGil || at_gil_ < most_at_gil_; }
  void call_first() noexcept;

  const base::Nanos turn_;
  std::mutex mutex_;
  // Guarded by mutex_:
  unsigned most_at_gil_;  // how many threads may wait for the GIL itself
  unsigned at_gil_ = 0;   // how many do, those of a whole turn among them
  base::Nanos last_ = 0;  // when one of them last got it
  std::deque<Waiter*> waiters_;
};

}  // namespace brine::engine

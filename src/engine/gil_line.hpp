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

/// The greatest number, with which all is as if there were no line.
inline constexpr unsigned kMostAtGil = 64;

/// Where requests give the GIL on sooner than after this time, a line costs more than it gains: the
/// time that a thread needs to wake up, from the line and again from the GIL.
inline constexpr base::Nanos kShortHold = 200 * base::kMicrosecond;

/// Returns how many threads may wait for the GIL itself, where `at_gil` may now, and a thread that
/// waited for it has got it after it was held on for `hold`. Only a hold that is neither short nor
/// takes a whole `turn` (the switch interval) speaks for the line: one that a turn ends computes on
/// and comes back, and those that wait are to have their turns together before it does.
constexpr unsigned next_at_gil(unsigned at_gil, base::Nanos hold, base::Nanos turn) noexcept {
  if (hold >= kShortHold && hold < turn) return std::max(at_gil - 1, kFewestAtGil);
  return std::min(at_gil + 1, kMostAtGil);
}

/// The line before one GIL. CPython keeps no order among the threads that wait for the GIL: one
/// that has just come takes it from under the one that was woken for it, which then waits behind
/// all others again, so that some of many equal requests take several times as long as most. Here
/// only a few threads at once wait for the GIL itself, and the others stand in the line. A thread
/// gives its place at the GIL up as soon as it has the GIL, so that nothing that the application
/// does, with the GIL or without it, holds the line up.
class GilLine {
 public:
  /// `turn` is the GIL's switch interval.
  explicit GilLine(base::Nanos turn, unsigned most_at_gil = kMostAtGil)
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
    void has_gil(base::Nanos now) noexcept {
      line_->note_hold(since_, now);
      std::exchange(line_, nullptr)->leave();
    }

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
  void note_hold(base::Nanos since, base::Nanos now) noexcept;
  void leave() noexcept;

  const base::Nanos turn_;
  std::mutex mutex_;
  // Guarded by mutex_:
  unsigned most_at_gil_;  // how many threads may wait for the GIL itself
  unsigned at_gil_ = 0;   // how many do
  base::Nanos last_ = 0;  // when a thread last got the GIL
  std::deque<Waiter*> waiters_;
};

}  // namespace brine::engine

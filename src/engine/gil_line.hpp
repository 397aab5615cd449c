// A line in which requests wait for the GIL in the order in which they came. Does not use Python.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "base/clock.hpp"
#include "engine/gil_spin.hpp"

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
  if (hold < kShortHold) return std::min(at_gil + 1, kAnyAtGil);
  if (hold >= turn) return at_gil;
  return std::max(at_gil - 1, kFewestAtGil);
}

/// A thread that stands in the line.
struct Waiter {
  bool has_place = false;
  std::condition_variable called;
};

/// Decides who of a line may wait for the GIL itself, and blocks nobody. GilLine guards it by a
/// mutex.
class GilOrder {
 public:
  explicit GilOrder(unsigned most_at_gil = kAnyAtGil) noexcept : most_at_gil_(most_at_gil) {}

  /// Returns true if the thread that comes has a place at the GIL at once.
  bool take_place() noexcept {
    if (!waiters_.empty() || !has_room()) return false;
    ++at_gil_;
    return true;
  }

  /// Has a thread that got no place stand in the line. `waiter` has to live until it has one.
  void stand(Waiter& waiter) { waiters_.push_back(&waiter); }

  /// Says that a thread which came at `since` has got the GIL at `now`, and needs no place any
  /// more. `turn` is the GIL's switch interval.
  void got(base::Nanos since, base::Nanos now, base::Nanos turn) noexcept;

  /// Says that a thread has given its place up without the GIL.
  void leave() noexcept;

 private:
  bool has_room() const noexcept { return most_at_gil_ == kAnyAtGil || at_gil_ < most_at_gil_; }
  void call_first() noexcept;

  unsigned most_at_gil_;  // how many threads may wait for the GIL itself
  unsigned at_gil_ = 0;   // how many do, those of a whole turn among them
  base::Nanos last_ = 0;  // when one of them last got it
  std::deque<Waiter*> waiters_;
};

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
  explicit GilLine(unsigned most_at_gil = kAnyAtGil) : order_(most_at_gil) {}
  GilLine(const GilLine&) = delete;
  GilLine& operator=(const GilLine&) = delete;

  /// The calling thread's place at the GIL.
  class Place {
   public:
    /// BLOCKS until there is a place. The caller holds no GIL of this line.
    Place(GilLine& line, base::Nanos now) : line_(line), since_(now) {
      line.enter();
      line.spin_.wait_for(line.holder_);
    }
    /// The thread has released the GIL, if it had got it.
    ~Place() {
      if (has_gil_) {
        line_.holder_.release(this);
      } else {
        line_.leave();
      }
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    /// Gives the place up, since the thread has got the GIL, whose switch interval is `turn`.
    void has_gil(base::Nanos now, base::Nanos turn) noexcept {
      has_gil_ = true;
      line_.holder_.hold(this);
      line_.got(since_, now, turn);
    }

   private:
    GilLine& line_;
    const base::Nanos since_;
    bool has_gil_ = false;
  };

 private:
  void enter();
  void got(base::Nanos since, base::Nanos now, base::Nanos turn) noexcept;
  void leave() noexcept;

  std::mutex mutex_;
  GilOrder order_;  // guarded by mutex_
  GilHolder holder_;
  GilSpin spin_;
};

}  // namespace brine::engine

#include "engine/gil_line.hpp"

#include <algorithm>

namespace brine::engine {

void GilLine::enter() {
  std::unique_lock lock(mutex_);
  if (at_gil_ < most_at_gil_) {
    ++at_gil_;
    return;
  }
  Waiter waiter;
  waiters_.push_back(&waiter);
  waiter.called.wait(lock, [&] { return waiter.has_place; });
}

// Here the mutex may be waited for with the GIL held: whoever has it waits for no GIL meanwhile.
//
// A thread that stood in the line was let out of it when another one got the GIL, so that `since`,
// when it came to the line, matters only for one that did not stand there.
void GilLine::note_hold(base::Nanos since, base::Nanos now) noexcept {
  const std::lock_guard lock(mutex_);
  most_at_gil_ = next_at_gil(most_at_gil_, now - std::max(since, last_), turn_);
  last_ = now;
}

void GilLine::leave() noexcept {
  const std::lock_guard lock(mutex_);
  --at_gil_;
  while (at_gil_ < most_at_gil_ && !waiters_.empty()) {
    Waiter& next = *waiters_.front();
    waiters_.pop_front();
    ++at_gil_;
    next.has_place = true;
    // The waiter's life ends soon after the lock is free.
    next.called.notify_one();
  }
}

}  // namespace brine::engine

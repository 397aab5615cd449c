#include "engine/gil_line.hpp"

#include <algorithm>

namespace brine::engine {

void GilLine::enter() {
  std::unique_lock lock(mutex_);
  if (waiters_.empty() && has_room()) {
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
void GilLine::got(base::Nanos since, base::Nanos now) noexcept {
  const std::lock_guard lock(mutex_);
  const base::Nanos hold = now - std::max(since, last_);
  most_at_gil_ = next_at_gil(most_at_gil_, hold, turn_);
  last_ = now;
  --at_gil_;
  while (!waiters_.empty() && (has_room() || hold >= turn_)) {
    call_first();
  }
}

void GilLine::leave() noexcept {
  const std::lock_guard lock(mutex_);
  --at_gil_;
  if (!waiters_.empty() && has_room()) call_first();
}

// The mutex is locked, and the waiter's life ends soon after it is free.
void GilLine::call_first() noexcept {
  Waiter& first = *waiters_.front();
  waiters_.pop_front();
  ++at_gil_;
  first.has_place = true;
  first.called.notify_one();
}

}  // namespace brine::engine

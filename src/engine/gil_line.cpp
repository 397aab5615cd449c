#include "engine/gil_line.hpp"

#include <algorithm>

namespace brine::engine {

// A thread that stood in the line was let out of it when another one got the GIL, so that `since`,
// when it came to the line, matters only for one that did not stand there.
void GilOrder::got(base::Nanos since, base::Nanos now, base::Nanos turn) noexcept {
  const base::Nanos hold = now - std::max(since, last_);
  most_at_gil_ = next_at_gil(most_at_gil_, hold, turn);
  last_ = now;
  --at_gil_;
  while (!waiters_.empty() && (has_room() || hold >= turn)) {
    call_first();
  }
}

void GilOrder::leave() noexcept {
  --at_gil_;
  if (!waiters_.empty() && has_room()) call_first();
}

// The waiter's life ends soon after the mutex is free.
void GilOrder::call_first() noexcept {
  Waiter& first = *waiters_.front();
  waiters_.pop_front();
  ++at_gil_;
  first.has_place = true;
  first.called.notify_one();
}

void GilLine::enter() {
  std::unique_lock lock(mutex_);
  if (order_.take_place()) return;
  Waiter waiter;
  order_.stand(waiter);
  waiter.called.wait(lock, [&] { return waiter.has_place; });
}

// Here the mutex may be waited for with the GIL held: whoever has it waits for no GIL meanwhile.
void GilLine::got(base::Nanos since, base::Nanos now, base::Nanos turn) noexcept {
  const std::lock_guard lock(mutex_);
  order_.got(since, now, turn);
}

void GilLine::leave() noexcept {
  const std::lock_guard lock(mutex_);
  order_.leave();
}

}  // namespace brine::engine

#include "engine/gil_spin.hpp"

#include <thread>

namespace brine::engine {
namespace {

constexpr int kLooksPerClock = 16;  // as many as take about as long as reading the clock

// Tells the processor that the thread only waits, so that it saves power and lets the other thread
// of the core go on.
void pause_processor() noexcept {
#ifdef __x86_64__
  __builtin_ia32_pause();
#endif
#ifdef __aarch64__
  asm volatile("yield");
#endif
}

// Returns true if the holder has released the GIL meanwhile.
bool outlasts(const GilHolder& holder) noexcept {
  const base::Nanos end = base::now() + kSpin;
  do {
    for (int i = 0; i < kLooksPerClock; ++i) {
      if (!holder.is_there()) return true;
      pause_processor();
    }
  } while (base::now() < end);
  return false;
}

}  // namespace

GilSpin::GilSpin() : is_of_use_(std::thread::hardware_concurrency() > 1) {}

void GilSpin::wait_for(const GilHolder& holder) noexcept {
  if (!is_of_use_ || !holder.is_there()) return;
  if (has_thread_.exchange(true, std::memory_order_acquire)) return;
  if (is_worth_it(chance_) || ++asleep_ == kSample) {
    chance_ = next_chance(chance_, outlasts(holder));
    asleep_ = 0;
  }
  has_thread_.store(false, std::memory_order_release);
}

}  // namespace brine::engine

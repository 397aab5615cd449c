// Waiting awake for a GIL that is soon free. Does not use Python.
#pragma once

#include <atomic>

#include "base/clock.hpp"

namespace brine::engine {

/// For how long a thread waits awake at most: some times as long as it takes to fall asleep and to
/// be woken. Half of it and twice as much have served fewer requests.
inline constexpr base::Nanos kSpin = 40 * base::kMicrosecond;

/// A chance of 1.
inline constexpr int kSure = 256;

/// While spinning is not worth it, one of so many threads tries whether it has become so.
inline constexpr unsigned kSample = 8;

/// Returns how likely the next spin pays, in parts of kSure, where the last one was thought to pay
/// with this `chance`, and has, for the GIL became free meanwhile, or has not. It rises faster than
/// it falls, for many spins in a row are in vain while the holder's processor does something else.
constexpr int next_chance(int chance, bool has_paid) noexcept {
  return has_paid ? chance + (kSure - chance) / 4 : chance - chance / 8;
}

/// Returns true if a thread is better off spinning.
constexpr bool is_worth_it(int chance) noexcept { return chance >= kSure / 2; }

/// The request that holds a GIL, as far as is known without the GIL: it may have released it for a
/// while, and code that is no request's may hold it.
class GilHolder {
 public:
  /// Says that a request has got the GIL. `request` is an address of its own.
  void hold(const void* request) noexcept { request_.store(request, std::memory_order_relaxed); }

  /// Says that it has released the GIL, which the next one may have got already.
  void release(const void* request) noexcept {
    request_.compare_exchange_strong(request, nullptr, std::memory_order_release,
                                     std::memory_order_relaxed);
  }

  bool is_there() const noexcept { return request_.load(std::memory_order_acquire) != nullptr; }

 private:
  std::atomic<const void*> request_{nullptr};
};

/// Has one of the threads that want a GIL wait for it awake, while a request holds it that will
/// soon have done with it. To fall asleep, to be woken and the switches to other threads cost more
/// than a short request itself. Where spinning does not pay, since requests compute, or wait for
/// something else with the GIL released, it is hardly ever tried.
class GilSpin {
 public:
  GilSpin();
  GilSpin(const GilSpin&) = delete;
  GilSpin& operator=(const GilSpin&) = delete;

  /// Returns when the holder has released the GIL, or after kSpin, or at once where there is none,
  /// another thread spins, or it has seldom paid lately.
  void wait_for(const GilHolder& holder) noexcept;

 private:
  const bool is_of_use_;  // another processor can go on meanwhile
  std::atomic<bool> has_thread_{false};
  // Of the thread that has set has_thread_:
  int chance_ = kSure;
  unsigned asleep_ = 0;  // how many have fallen asleep at once since the last spin
};

}  // namespace brine::engine

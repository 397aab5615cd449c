// StackPlace is where a process shows, when it is asked to, at which lines a thread's request is.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace brine::metrics {

/// A thread's place in shared memory. Whoever asks writes `wanted`; a thread of the process that
/// serves the request answers. Its initial value is zero bytes, and its pages are not touched until
/// somebody asks.
struct alignas(64) StackPlace {
  static constexpr std::size_t kBytes = 8128;

  std::atomic<base::Nanos> wanted;  ///< when the request began whose stack is wanted; 0: none
  std::atomic<base::Nanos> taken;   ///< when the request began whose stack stands here
  std::atomic<std::uint32_t> size;
  std::array<std::atomic<char>, kBytes> text;

  void ask(base::Nanos since) noexcept {
    taken.store(0, std::memory_order_relaxed);
    wanted.store(since, std::memory_order_release);
  }
  /// Returns true, once, if the stack of the request that began then is wanted.
  bool take(base::Nanos since) noexcept {
    return since != 0 && wanted.load(std::memory_order_relaxed) == since &&
           wanted.exchange(0, std::memory_order_acquire) == since;
  }
  /// Answers. Of a longer text the end is kept, where the innermost calls are.
  void answer(std::string_view stack, base::Nanos since) noexcept {
    if (stack.size() > kBytes) stack.remove_prefix(stack.size() - kBytes);
    for (std::size_t i = 0; i < stack.size(); ++i) {
      text[i].store(stack[i], std::memory_order_relaxed);
    }
    size.store(static_cast<std::uint32_t>(stack.size()), std::memory_order_relaxed);
    taken.store(since, std::memory_order_release);
  }
  bool is_answered(base::Nanos since) const noexcept {
    return taken.load(std::memory_order_acquire) == since;
  }
  /// Returns the answer. A tenant's process may have written it.
  std::string read() const {
    const std::size_t end = std::min<std::size_t>(size.load(std::memory_order_relaxed), kBytes);
    std::string result;
    for (std::size_t i = 0; i < end; ++i) result += text[i].load(std::memory_order_relaxed);
    return result;
  }
};

}  // namespace brine::metrics

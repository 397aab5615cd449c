// Chooses the interpreter of an application group that serves the next request. Does not use
// Python.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <span>

namespace brine::engine {

/// Returns the index of the smallest of `running`, the numbers of requests that run in each
/// interpreter, of which there is one at least. Of equal ones the first is taken, so that without
/// load one interpreter serves, and the others cost nothing but their memory.
inline std::size_t least_busy(std::span<const int> running) {
  return static_cast<std::size_t>(
      std::distance(running.begin(), std::min_element(running.begin(), running.end())));
}

}  // namespace brine::engine

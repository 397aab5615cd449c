// Threads of this process that wait, as the kernel sees them.
#pragma once

#include <sys/types.h>

#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/clock.hpp"

namespace brine::testing {

/// Returns when the condition holds, which other threads see to.
template <class Condition>
void await(Condition condition) {
  const base::Nanos deadline = base::now() + 60 * base::kSecond;
  while (!condition()) {
    if (base::now() > deadline) throw std::runtime_error("what other threads see to did not come");
    std::this_thread::yield();
  }
}

/// Returns true if the thread waits for something. `thread` is its gettid(); 0: it has not begun.
inline bool is_asleep(pid_t thread) {
  if (thread == 0) return false;
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string line;
  std::getline(file, line);
  // The line reads "pid (name) state ...", and the name may contain parentheses.
  const auto end = line.rfind(')');
  return end != std::string::npos && line.size() > end + 2 && line[end + 2] == 'S';
}

}  // namespace brine::testing

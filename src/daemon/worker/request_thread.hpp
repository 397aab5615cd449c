// A thread that runs the application's requests: how it is started, and its stacks.
#pragma once

#include <pthread.h>
#include <signal.h>

#include <cstddef>
#include <memory>

#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The alternate signal stack of a thread. faulthandler needs one where the thread's own stack has
/// overflowed, and Python provides it for the main thread alone.
class AlternateStack {
 public:
  AlternateStack();
  ~AlternateStack() { ::sigaltstack(&before_, nullptr); }
  AlternateStack(const AlternateStack&) = delete;
  AlternateStack& operator=(const AlternateStack&) = delete;

 private:
  static constexpr std::size_t kBytes = 65536;
  std::unique_ptr<char[]> memory_;
  stack_t before_{};
};

/// Starts a thread with the stack that the group's requests have (stack-size=). Throws
/// std::system_error.
pthread_t start_request_thread(const Group& group, void* (*run)(void*), void* argument);

}  // namespace brine::daemon

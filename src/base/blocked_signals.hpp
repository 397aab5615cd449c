// Blocks signals in a thread for a scope.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace brine::base {

/// Blocks all signals to this thread while the object lives. A thread or process that is started
/// meanwhile begins with them blocked.
class BlockedSignals {
 public:
  BlockedSignals() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace brine::base

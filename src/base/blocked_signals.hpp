// Keeps signals from a thread for a while.
#pragma once

#include <pthread.h>
#include <signal.h>

namespace brine::base {

/// While it lives, all signals to this thread wait. A thread or process that is started meanwhile
/// begins with them blocked.
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

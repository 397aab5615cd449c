// WarmUpRun makes the requests of warm-up= in a process that is not ready yet.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// Makes requests, one after the other, in a thread of its own: the values of `threading.local`
/// that they leave end with it, and the process can go on without it. The thread that starts the
/// run looks after its time limit.
class WarmUpRun {
 public:
  /// `engine` and `log` must outlive the process's last request. `process_began` is when the
  /// process did: the supervisor gives up one that is not ready after startup-timeout.
  WarmUpRun(std::vector<WarmUp> requests, const Group& group, engine::Engine& engine,
            base::LogSink& log, base::Nanos process_began);
  ~WarmUpRun();
  WarmUpRun(const WarmUpRun&) = delete;
  WarmUpRun& operator=(const WarmUpRun&) = delete;

  /// Begins the requests. Throws std::system_error.
  void start();

  /// Becomes readable when has_ended().
  int ended_fd() const noexcept;

  /// Returns true if the last request has ended, or there is none.
  bool has_ended() const noexcept;

  /// Interrupts what takes too long. Returns false if the process is not to wait any more.
  bool go_on(base::Nanos now);

  /// Returns when to call go_on() again, at the latest.
  base::Nanos look_again() const noexcept { return next_look_; }

  /// Waits for the ends of the threads, which are near once has_ended().
  void join();

  /// Returns what still runs although it was interrupted, for a message.
  std::string what_hangs() const;

 private:
  struct State;

  static void* run_thread(void* state) noexcept;
  static void run(State& state) noexcept;
  base::Nanos bounded(base::Nanos most, base::Nanos now) const;
  void keep_interrupting();

  std::shared_ptr<State> state_;  ///< shared with threads that this object may have to leave
  base::Nanos start_ends_ = 0;    ///< when startup-timeout is over; 0: never
  base::Nanos next_look_ = 0;
  std::optional<pthread_t> runs_;
  std::thread interrupts_;  ///< it waits for the GIL, which may never be free
};

}  // namespace brine::daemon

// PythonThread is a thread of a daemon process that calls the engine, so that the main thread never
// waits for the GIL.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

namespace brine::daemon {

/// A thread with a queue of calls.
class PythonThread {
 public:
  /// Starts the thread, which lives as long as the process. Throws std::system_error.
  void start();

  /// Has the thread run `question`, after those that were asked before.
  void ask(std::function<void()> question);

  /// Returns true if the thread has nothing to do.
  bool idle() const;

 private:
  void work();

  mutable std::mutex mutex_;
  std::condition_variable asked_;
  std::deque<std::function<void()>> questions_;  // guarded by mutex_
  bool busy_ = false;                            // guarded by mutex_
};

}  // namespace brine::daemon

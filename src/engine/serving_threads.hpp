// Records which threads run Python for a request, and where, so that a monitor can look at one.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "cpython/gil.hpp"
#include "wsgi/exchange.hpp"

namespace brine::engine {

struct ApplicationGroup;

/// A thread that has served a request, and what it runs now. The thread alone changes `group` and
/// `exchange`, while it holds the GIL of the interpreter. So another thread that holds the GIL of
/// `group` and still finds `group` there may rely on both until it releases the GIL.
struct ServingThread {
  std::uintptr_t thread = 0;                      ///< pthread_self()
  unsigned long ident = 0;                        ///< threading.get_ident()
  std::atomic<ApplicationGroup*> group{nullptr};  ///< null: the thread runs no Python for a request
  wsgi::Exchange* exchange = nullptr;
};

/// The records of all threads. There is one object in each process, which lives until the process
/// ends.
class ServingThreads {
 public:
  /// Returns the calling thread's record, which its first request makes.
  ServingThread& own();

  /// Returns another thread's record, or null. That thread may end at any time, but the object
  /// stays.
  std::shared_ptr<const ServingThread> find(std::uintptr_t thread) const;

 private:
  struct Registration;
  void add(std::shared_ptr<ServingThread> thread);
  void remove(const ServingThread& thread) noexcept;

  mutable std::mutex mutex_;  // never waited for with a GIL held
  // Guarded by mutex_:
  std::unordered_map<std::uintptr_t, std::shared_ptr<ServingThread>> threads_;
};

/// Marks the time in which a thread holds the GIL of a group's interpreter for a request, or waits
/// to get it back.
class Serving {
 public:
  Serving(const cpython::GilLock&, ServingThread& thread, ApplicationGroup& group,
          wsgi::Exchange& exchange) noexcept
      : thread_(thread) {
    thread.exchange = &exchange;
    thread.group.store(&group, std::memory_order_release);
  }
  ~Serving() {
    thread_.group.store(nullptr, std::memory_order_release);
    thread_.exchange = nullptr;
  }
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  ServingThread& thread_;
};

}  // namespace brine::engine

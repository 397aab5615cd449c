#include "daemon/client/connection_pool.hpp"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <system_error>
#include <thread>

#include "base/blocked_signals.hpp"
#include "base/kept_code.hpp"

namespace brine::daemon {

namespace {

// An idle connection keeps buffers up to this size; those of a large request are given back.
constexpr std::size_t kKeptBytes = 131072;

// Idle connections are looked at this often.
constexpr std::chrono::nanoseconds kSweepInterval{kMostIdleTime / 4};

// All pools of this process. Never destroyed, since a thread of httpd may still look at them when
// it ends.
struct AllPools {
  std::mutex mutex;
  std::vector<ConnectionPool*> pools;  // guarded by mutex
};
AllPools& all_pools() {
  static AllPools& all = *new AllPools;
  return all;
}

std::uint64_t open_file_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
}

// The thread that closes connections which have been idle for too long. It exists while there are
// idle connections.
class Sweeper {
 public:
  /// Starts the thread if there is none, because a connection has become idle.
  void wake() noexcept {
    if (!runs_.load() && !runs_.exchange(true)) start();
  }

 private:
  // Blocks all signals in the new thread, since httpd's own threads take them. If no thread can be
  // made, connections are still closed when descriptors get few, and the next idle connection tries
  // again.
  void start() noexcept {
    const base::BlockedSignals blocked;
    try {
      base::keep_code_in_memory(reinterpret_cast<const void*>(&all_pools));
      std::thread([this] { run(); }).detach();
    } catch (const std::system_error&) {
      runs_.store(false);
    }
  }

  void run() {
    ::prctl(PR_SET_NAME, "brine idle");
    do {
      std::this_thread::sleep_for(kSweepInterval);
    } while (sweep() != 0 || !rest());
  }

  // Closes what has been idle for too long. Returns how many connections are left.
  static std::size_t sweep() {
    const base::Nanos limit = base::now() - kMostIdleTime;
    const std::lock_guard lock(all_pools().mutex);
    std::size_t left = 0;
    for (ConnectionPool* pool : all_pools().pools) left += pool->try_close_idle(limit);
    return left;
  }

  // Returns true if the thread may end: no connection has become idle without being looked at.
  bool rest() {
    runs_.store(false);
    return sweep() == 0 || runs_.exchange(true);
  }

  std::atomic<bool> runs_{false};
};

Sweeper& sweeper() {
  static Sweeper& one = *new Sweeper;  // never destroyed, like AllPools
  return one;
}

}  // namespace

ConnectionPool::ConnectionPool() : most_descriptors_(open_file_limit()) {
  const std::lock_guard lock(all_pools().mutex);
  all_pools().pools.push_back(this);
}

ConnectionPool::~ConnectionPool() {
  const std::lock_guard lock(all_pools().mutex);
  std::erase(all_pools().pools, this);
}

std::unique_ptr<Connection> ConnectionPool::take(std::uint32_t incarnation) {
  const std::lock_guard lock(mutex_);
  while (!idle_.empty()) {
    std::unique_ptr<Connection> connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->incarnation == incarnation) return connection;
  }
  return nullptr;
}

void ConnectionPool::put(std::unique_ptr<Connection> connection, base::Nanos now) {
  if (few_descriptors_are_left(connection->fd.get(), most_descriptors_)) {
    connection = nullptr;
    close_idle_connections();
    return;
  }
  if (connection->request.capacity() > kKeptBytes) connection->request = {};
  connection->reader.trim(kKeptBytes);
  connection->idle_since = now;
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(connection));
  }
  sweeper().wake();
}

std::size_t ConnectionPool::close_idle(base::Nanos limit) {
  return close_idle(std::unique_lock(mutex_), limit);
}

// Does not wait for the lock: a signal that ends a child of the prefork MPM may interrupt the
// pool's user and destroy all pools, while the waiting thread would hold their list.
std::size_t ConnectionPool::try_close_idle(base::Nanos limit) {
  std::unique_lock lock(mutex_, std::try_to_lock);
  return lock ? close_idle(std::move(lock), limit) : 1;
}

std::size_t ConnectionPool::close_idle(std::unique_lock<std::mutex> lock, base::Nanos limit) {
  const auto end = std::partition_point(
      idle_.begin(), idle_.end(),
      [limit](const auto& connection) { return connection->idle_since <= limit; });
  const std::vector<std::unique_ptr<Connection>> closed(std::make_move_iterator(idle_.begin()),
                                                        std::make_move_iterator(end));
  idle_.erase(idle_.begin(), end);
  const std::size_t left = idle_.size();
  lock.unlock();  // connections are closed without the lock
  return left;
}

void close_idle_connections() {
  const std::lock_guard lock(all_pools().mutex);
  for (ConnectionPool* pool : all_pools().pools) pool->close_idle();
}

}  // namespace brine::daemon

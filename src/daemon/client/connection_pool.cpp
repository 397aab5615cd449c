#include "daemon/client/connection_pool.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <iterator>
#include <limits>

namespace brine::daemon {

namespace {

// What an idle connection may keep of its buffers for a large request.
constexpr std::size_t kKeptBytes = 131072;

// All pools of this process. Never destroyed: a thread of httpd may look at them when it ends.
struct AllPools {
  std::mutex mutex;
  std::vector<ConnectionPool*> pools;  // guarded by mutex
};
AllPools& all_pools() {
  static AllPools& all = *new AllPools;
  return all;
}

// The system gives out the lowest descriptor that is free: one with a high number says that so many
// are in use, whatever for.
bool few_are_left(int newest) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(newest) >= limit.rlim_cur / 4 * 3;
}

}  // namespace

ConnectionPool::ConnectionPool() {
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

void ConnectionPool::put(std::unique_ptr<Connection> connection) {
  if (few_are_left(connection->fd.get())) {
    connection = nullptr;
    close_idle_connections(std::numeric_limits<base::Nanos>::max());
    return;
  }
  if (connection->request.capacity() > kKeptBytes) connection->request = {};
  connection->reader.trim(kKeptBytes);
  connection->idle_since = base::now();
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

std::size_t ConnectionPool::close_idle(base::Nanos before) {
  std::vector<std::unique_ptr<Connection>> closed;  // without the lock
  const std::lock_guard lock(mutex_);
  const auto kept = std::find_if(idle_.begin(), idle_.end(), [before](const auto& connection) {
    return connection->idle_since > before;
  });
  closed.assign(std::make_move_iterator(idle_.begin()), std::make_move_iterator(kept));
  idle_.erase(idle_.begin(), kept);
  return idle_.size();
}

std::size_t close_idle_connections(base::Nanos before) {
  const std::lock_guard lock(all_pools().mutex);
  std::size_t left = 0;
  for (ConnectionPool* pool : all_pools().pools) left += pool->close_idle(before);
  return left;
}

}  // namespace brine::daemon

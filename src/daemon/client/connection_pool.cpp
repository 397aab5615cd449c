#include "daemon/client/connection_pool.hpp"

#include <sys/resource.h>

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

std::uint64_t open_file_limit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
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

// The system gives out the lowest descriptor that is free: one with a high number says that so many
// are in use, whatever for.
bool ConnectionPool::few_descriptors_are_left(int newest) const {
  return static_cast<std::uint64_t>(newest) >= most_descriptors_ / 4 * 3;
}

void ConnectionPool::put(std::unique_ptr<Connection> connection) {
  if (few_descriptors_are_left(connection->fd.get())) {
    connection = nullptr;
    close_idle_connections();
    return;
  }
  if (connection->request.capacity() > kKeptBytes) connection->request = {};
  connection->reader.trim(kKeptBytes);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(connection));
}

void ConnectionPool::close_idle() {
  std::vector<std::unique_ptr<Connection>> closed;  // without the lock
  const std::lock_guard lock(mutex_);
  closed.swap(idle_);
}

void close_idle_connections() {
  const std::lock_guard lock(all_pools().mutex);
  for (ConnectionPool* pool : all_pools().pools) pool->close_idle();
}

}  // namespace brine::daemon

// Connections to daemon processes that wait for their next request, in one of httpd's processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "daemon/shared/channel.hpp"
#include "daemon/shared/private_fd.hpp"

namespace brine::daemon {

/// A connection to a daemon process, kept open for the next request, with its buffers.
struct Connection {
  Connection(base::UniqueFd own_fd, std::uint32_t own_incarnation)
      : fd(std::move(own_fd)), incarnation(own_incarnation), reader(fd.get()) {}

  PrivateFd fd;
  std::uint32_t incarnation;
  FrameReader reader;
  std::vector<char> request;             ///< the encoded request
  std::vector<std::string_view> blocks;  ///< of the answer's body, in the reader's buffer
  base::Nanos idle_since = 0;
};

/// Those to the processes in one slot. Any number of threads use it at once.
class ConnectionPool {
 public:
  ConnectionPool();
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// The connection to this process that was used last, or none. Those to others are closed.
  std::unique_ptr<Connection> take(std::uint32_t incarnation);

  /// A connection over which nothing is to be said now. It is closed at once, with all that wait in
  /// this process, where the process is about to run out of descriptors.
  void put(std::unique_ptr<Connection> connection);

  /// Closes those that have been idle since `before`; returns how many are left.
  std::size_t close_idle(base::Nanos before);

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_; the longest idle first
};

/// Closes those of all pools of this process that have been idle since `before`; returns how many
/// are left.
std::size_t close_idle_connections(base::Nanos before);

}  // namespace brine::daemon

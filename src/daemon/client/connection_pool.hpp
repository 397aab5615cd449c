// Connections to daemon processes that wait for their next request, in one of httpd's processes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

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

  /// Closes all of them.
  void close_idle();

 private:
  bool few_descriptors_are_left(int newest) const;

  const std::uint64_t most_descriptors_;  ///< of this process, when it began to serve
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_
};

/// Closes those of all pools of this process.
void close_idle_connections();

}  // namespace brine::daemon

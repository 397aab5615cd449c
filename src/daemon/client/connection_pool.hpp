// Connections to daemon processes that wait for their next request, in one of httpd's processes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "daemon/shared/channel.hpp"
#include "daemon/shared/private_fd.hpp"

namespace brine::daemon {

/// A connection that waits longer than that for its next request is closed: to make another one
/// costs some 100 us.
inline constexpr base::Nanos kMostIdleTime = 10 * base::kSecond;

/// Whether a process that may have `most` descriptors is about to run out of them. The system gives
/// out the lowest number that is free, so a high one says that so many are in use, whatever for.
constexpr bool few_descriptors_are_left(int newest, std::uint64_t most) noexcept {
  return static_cast<std::uint64_t>(newest) >= most / 4 * 3;
}

/// A connection to a daemon process, kept open for the next request, with its buffers.
struct Connection {
  Connection(base::UniqueFd own_fd, std::uint32_t own_incarnation)
      : fd(std::move(own_fd)), incarnation(own_incarnation), reader(fd.get()) {}

  PrivateFd fd;
  std::uint32_t incarnation;
  base::Nanos idle_since = 0;
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

  /// A connection over which nothing is to be said from `now` on. It is closed at once, with all
  /// that wait in this process, where the process is about to run out of descriptors. Else it is
  /// closed when nobody takes it within kMostIdleTime, by a thread that lives as long as there are
  /// such connections: a process that gets no more requests lets go of them too.
  void put(std::unique_ptr<Connection> connection, base::Nanos now);

  /// Closes those that have waited since `limit` or longer. Returns how many are left.
  std::size_t close_idle(base::Nanos limit = std::numeric_limits<base::Nanos>::max());

  /// Likewise, but where another thread uses the pool at this moment, nothing is done, and 1
  /// returned.
  std::size_t try_close_idle(base::Nanos limit);

 private:
  std::size_t close_idle(std::unique_lock<std::mutex> lock, base::Nanos limit);

  const std::uint64_t most_descriptors_;  ///< of this process, when it began to serve
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_; that of longest wait first
};

/// Closes those of all pools of this process.
void close_idle_connections();

}  // namespace brine::daemon

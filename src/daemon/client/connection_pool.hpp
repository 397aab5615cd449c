// ConnectionPool keeps the idle connections of one of httpd's processes to daemon processes.
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

/// A connection that has been idle for longer than this is closed; to make another one costs some
/// 100 us.
inline constexpr base::Nanos kMostIdleTime = 10 * base::kSecond;

/// Returns true if a process that may have `most` descriptors is about to run out of them. The
/// kernel gives out the lowest free number, so a high number means that as many are in use.
constexpr bool few_descriptors_are_left(int newest, std::uint64_t most) noexcept {
  return static_cast<std::uint64_t>(newest) >= most / 4 * 3;
}

/// A connection to a daemon process with its buffers, kept open for the next request.
struct Connection {
  Connection(base::UniqueFd own_fd, std::uint32_t own_incarnation)
      : fd(std::move(own_fd)), incarnation(own_incarnation), reader(fd.get()) {}

  PrivateFd fd;
  std::uint32_t incarnation;
  base::Nanos idle_since = 0;
  FrameReader reader;
  std::vector<char> request;             ///< the encoded request
  std::vector<std::string_view> blocks;  ///< blocks of the answer's body, in the reader's buffer
};

/// The idle connections to the processes of one slot. Any number of threads use it at once.
class ConnectionPool {
 public:
  ConnectionPool();
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// Returns the most recently used connection to this process, or null. Closes those to earlier
  /// processes of the slot.
  std::unique_ptr<Connection> take(std::uint32_t incarnation);

  /// Takes a connection that is idle from `now` on. If this process is about to run out of
  /// descriptors, it is closed at once, together with all other idle ones. Otherwise a thread
  /// closes it when it has not been taken within kMostIdleTime, even if this process gets no more
  /// requests.
  void put(std::unique_ptr<Connection> connection, base::Nanos now);

  /// Closes connections that have been idle since `limit` or longer. Returns how many are left.
  std::size_t close_idle(base::Nanos limit = std::numeric_limits<base::Nanos>::max());

  /// Does the same unless another thread uses the pool now; then it does nothing and returns 1.
  std::size_t try_close_idle(base::Nanos limit);

 private:
  std::size_t close_idle(std::unique_lock<std::mutex> lock, base::Nanos limit);

  const std::uint64_t most_descriptors_;  ///< limit of descriptors at the start
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_;  // guarded by mutex_; oldest first
};

/// Closes the idle connections of all pools of this process.
void close_idle_connections();

}  // namespace brine::daemon

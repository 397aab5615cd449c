// Sockets between httpd's processes and a group's: how they are made, handed over, written, read.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/frame.hpp"

namespace brine::daemon {

/// How a read or write of a socket went.
enum class Io : std::uint8_t {
  ok,
  closed,     ///< the other end is closed, and had read all that was sent to it
  reset,      ///< the other end is closed, and had NOT read all that was sent to it
  timed_out,  ///< the deadline has passed
  failed,     ///< malformed frames, or out of descriptors
};

/// Two connected sockets, close-on-exec. Throws std::system_error.
std::pair<base::UniqueFd, base::UniqueFd> socket_pair(int type);

/// Sends one packet over a SOCK_SEQPACKET socket, with a descriptor (or -1). False: it was not
/// sent. BLOCKS while the socket is full, until `deadline`; 0: not at all.
bool send_with_fd(int socket, std::span<const char> packet, int passed,
                  base::Nanos deadline) noexcept;

/// A packet that has come over a SOCK_SEQPACKET socket.
struct Received {
  std::size_t size = 0;
  base::UniqueFd fd;  ///< the descriptor that came with it, if one did
};

/// Receives the next packet `into` a buffer, cut off where that is too small; none if there is none
/// now.
std::optional<Received> receive_with_fd(int socket, std::span<char> into) noexcept;

/// Writes everything, with `passed` (a descriptor, or -1) at its first byte. BLOCKS; a socket's
/// SO_SNDTIMEO limits the wait for each piece.
Io write_all(int fd, std::span<iovec> parts, int passed = -1) noexcept;

/// Writes everything if the socket has room for it now, else nothing: timed_out. What is larger
/// than half of the socket's buffer may be begun, and then BLOCKS as write_all() does. At most
/// IOV_MAX parts.
Io write_at_once(int fd, std::span<iovec> parts) noexcept;

/// Waits until `fd` can be read. False: `deadline` has passed.
bool wait_readable(int fd, base::Nanos deadline) noexcept;

/// Whether bytes that were written to `fd` have not been read at the other end.
bool has_unread_bytes(int fd) noexcept;

/// Reads one frame to its end; its payload goes `into` a place that must have room for it. BLOCKS;
/// SO_RCVTIMEO limits the wait for each piece.
Io read_frame(int fd, FrameHeader& header, std::span<char> into) noexcept;

/// Limits each blocking read (write) of a socket, and sizes its buffers (0: the system's choice).
void set_socket_times(int fd, std::chrono::milliseconds read, std::chrono::milliseconds write);
void set_buffer_sizes(int fd, std::uint64_t send, std::uint64_t receive);

/// Reads frames, with the descriptors that came with them.
class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd) {}

  /// The next frame's header; its payload is read with `payload` and `take`. What was left of the
  /// last frame's payload must have been taken. `deadline` 0: waits as long as SO_RCVTIMEO says,
  /// then timed_out.
  Io next(FrameHeader& header, base::Nanos deadline);

  /// Reads what has come, without waiting, until `most` bytes are here. False: no more has come.
  bool read_ahead(std::size_t most);

  /// Whether the socket can be read now: ok if bytes have come, timed_out if not, or its end.
  Io peek() const noexcept;

  /// Whether bytes are here, or have come, that have not been taken.
  bool has_more() const;

  /// Whether another frame of this kind follows, and its header is here already.
  bool has_next(FrameKind kind) const;

  /// Whether another frame's header is here already.
  bool has_next() const { return left_ == 0 && end_ - begin_ >= sizeof(FrameHeader); }

  /// Whether anything has come that no frame taken so far accounts for.
  bool has_leftover() const { return begin_ != end_ || left_ != 0 || !descriptors_.empty(); }

  /// Payload that is here already, of the `left()` bytes that belong to it.
  std::span<const char> payload() const;
  std::size_t left() const { return left_; }

  /// Drops the first bytes of payload(). Views of it stay valid until the next read.
  void take(std::size_t size);

  /// Reads until payload() has at least `size` bytes (at most left()).
  Io gather(std::size_t size, base::Nanos deadline);

  /// Gives up a buffer larger than `most`. Nothing of a frame may be left in it.
  void trim(std::size_t most);

  /// The descriptor that came with a frame, or none.
  base::UniqueFd take_descriptor();

 private:
  Io read(std::size_t room, base::Nanos deadline, int flags = 0);
  void make_room(std::size_t size);

  int fd_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t left_ = 0;
  std::vector<base::UniqueFd> descriptors_;
};

}  // namespace brine::daemon

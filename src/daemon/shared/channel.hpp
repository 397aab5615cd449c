// Makes, passes, writes and reads the sockets between httpd's processes, the supervisor and the
// daemon processes.
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

/// The result of reading or writing a socket.
enum class Io : std::uint8_t {
  ok,
  closed,     ///< the other end is closed, and had read all that was sent to it
  reset,      ///< the other end is closed, and had NOT read all that was sent to it
  timed_out,  ///< the deadline has passed
  failed,     ///< malformed frames, or no descriptors left
};

/// Makes two connected sockets, close-on-exec. Throws std::system_error.
std::pair<base::UniqueFd, base::UniqueFd> socket_pair(int type);

/// Sends one packet over a SOCK_SEQPACKET socket, with a descriptor (or -1). Returns false if it
/// was not sent. BLOCKS while the socket is full, until `deadline`; 0: does not block.
bool send_with_fd(int socket, std::span<const char> packet, int passed,
                  base::Nanos deadline) noexcept;

/// A packet that was received over a SOCK_SEQPACKET socket.
struct Received {
  std::size_t size = 0;
  base::UniqueFd fd;  ///< the descriptor that came with it, or -1
};

/// Receives the next packet `into` a buffer, cut off if that is too small. Returns nothing if no
/// packet has arrived.
std::optional<Received> receive_with_fd(int socket, std::span<char> into) noexcept;

/// Writes all parts, with `passed` (a descriptor, or -1) at the first byte. BLOCKS; the socket's
/// SO_SNDTIMEO limits the wait for each piece.
Io write_all(int fd, std::span<iovec> parts, int passed = -1) noexcept;

/// Writes all parts if the socket has room for them now, else nothing, and returns timed_out. Parts
/// larger than half of the socket's buffer may be begun; the rest then BLOCKS like write_all().
/// Takes at most IOV_MAX parts.
Io write_at_once(int fd, std::span<iovec> parts) noexcept;

/// Waits until `fd` can be read. Returns false if `deadline` has passed.
bool wait_readable(int fd, base::Nanos deadline) noexcept;

/// Returns true if the other end has not read all bytes that were written to `fd`.
bool has_unread_bytes(int fd) noexcept;

/// Reads one whole frame; its payload goes `into` a buffer that must be large enough. BLOCKS;
/// SO_RCVTIMEO limits the wait for each piece.
Io read_frame(int fd, FrameHeader& header, std::span<char> into) noexcept;

/// Limits how long one read or write of a socket blocks, and sizes its buffers (0: the kernel's
/// choice).
void set_socket_times(int fd, std::chrono::milliseconds read, std::chrono::milliseconds write);
void set_buffer_sizes(int fd, std::uint64_t send, std::uint64_t receive);

/// Reads frames from a socket, with the descriptors that came with them.
class FrameReader {
 public:
  explicit FrameReader(int fd) : fd_(fd) {}

  /// Reads the next frame's header; `payload` and `take` read its payload. The last frame's payload
  /// must have been taken. With a `deadline` of 0, SO_RCVTIMEO limits the wait (timed_out).
  Io next(FrameHeader& header, base::Nanos deadline);

  /// Reads what has arrived, without waiting, until `most` bytes are here. Returns false if fewer
  /// have arrived.
  bool read_ahead(std::size_t most);

  /// Returns ok if bytes can be read now, timed_out if none have arrived, or how the socket ended.
  Io peek() const noexcept;

  /// Returns true if there are bytes, here or in the socket, that have not been taken.
  bool has_more() const;

  /// Returns true if the next frame's header is here already, and is of this kind.
  bool has_next(FrameKind kind) const;

  /// Returns true if the next frame's header is here already.
  bool has_next() const { return left_ == 0 && end_ - begin_ >= sizeof(FrameHeader); }

  /// Returns true if something has arrived that belongs to no frame that was taken.
  bool has_leftover() const { return begin_ != end_ || left_ != 0 || !descriptors_.empty(); }

  /// Returns the part of the payload that is here already, at most left() bytes.
  std::span<const char> payload() const;
  std::size_t left() const { return left_; }

  /// Removes the first bytes of payload(). Views of them stay valid until the next read.
  void take(std::size_t size);

  /// Reads until payload() has at least `size` bytes (at most left()).
  Io gather(std::size_t size, base::Nanos deadline);

  /// Frees a buffer larger than `most`. Nothing of a frame may be left in it.
  void trim(std::size_t most);

  /// Returns the descriptor that came with a frame, or -1.
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

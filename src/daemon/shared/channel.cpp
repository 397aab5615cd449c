#include "daemon/shared/channel.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstring>
#include <system_error>

namespace brine::daemon {

namespace {

// The head and body of an ordinary response fit into this.
constexpr std::size_t kFirstRoom = 16384;

// A response has one file, so at most this many descriptors arrive ahead of their frames.
constexpr std::size_t kMostDescriptors = 1;

// Room for the control message that carries a descriptor.
union Control {
  cmsghdr header;  // aligns `bytes`
  char bytes[CMSG_SPACE(sizeof(int))];
};

void attach(msghdr& message, Control& control, int fd) {
  std::memset(&control, 0, sizeof(control));
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &fd, sizeof(fd));
}

// Provides room for one descriptor; the kernel closes further ones that a message carries.
void expect_one(msghdr& message, Control& control) {
  message.msg_control = control.bytes;
  message.msg_controllen = CMSG_LEN(sizeof(int));
}

base::UniqueFd detach(msghdr& message) {
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
    return {};
  }
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof(fd));
  return base::UniqueFd(fd);
}

// Reads what has arrived into `part`, and the descriptor that came with it.
ssize_t receive(int fd, iovec part, int flags, base::UniqueFd& passed) {
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  expect_one(message, control);
  ssize_t size = 0;
  do {
    size = ::recvmsg(fd, &message, flags | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size > 0) passed = detach(message);
  return size;
}

timespec time_until(base::Nanos deadline) {
  const base::Nanos left = std::max<base::Nanos>(0, deadline - base::now());
  return {left / base::kSecond, left % base::kSecond};
}

timeval to_timeval(std::chrono::milliseconds time) {
  return {time.count() / 1000, (time.count() % 1000) * 1000};
}

Io failure_of(int error) {
  switch (error) {
    case EAGAIN:
      return Io::timed_out;
    case EPIPE:
    case ECONNRESET:
      return Io::reset;
    default:
      return Io::failed;
  }
}

// Fills `into`, and reads nothing beyond.
Io read_exactly(int fd, std::span<char> into) {
  while (!into.empty()) {
    const ssize_t size = ::recv(fd, into.data(), into.size(), MSG_WAITALL);
    if (size == 0) return Io::closed;
    if (size < 0 && errno != EINTR) return failure_of(errno);
    into = into.subspan(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  }
  return Io::ok;
}

// Removes the bytes that have been written from the front of `parts`.
std::span<iovec> without(std::span<iovec> parts, std::size_t written) {
  while (!parts.empty() && written >= parts.front().iov_len) {
    written -= parts.front().iov_len;
    parts = parts.subspan(1);
  }
  if (!parts.empty()) {
    parts.front().iov_base = static_cast<char*>(parts.front().iov_base) + written;
    parts.front().iov_len -= written;
  }
  return parts;
}

}  // namespace

std::pair<base::UniqueFd, base::UniqueFd> socket_pair(int type) {
  int ends[2];
  if (::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends) != 0) {
    throw std::system_error(errno, std::generic_category(), "socketpair");
  }
  return {base::UniqueFd(ends[0]), base::UniqueFd(ends[1])};
}

bool send_with_fd(int socket, std::span<const char> packet, int passed,
                  base::Nanos deadline) noexcept {
  iovec part{const_cast<char*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  Control control;
  if (passed >= 0) attach(message, control, passed);
  while (::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno == EINTR) continue;
    if (errno != EAGAIN || deadline == 0) return false;
    pollfd waiting{socket, POLLOUT, 0};
    const timespec left = time_until(deadline);
    if (::ppoll(&waiting, 1, &left, nullptr) == 0) return false;
  }
  return true;
}

std::optional<Received> receive_with_fd(int socket, std::span<char> into) noexcept {
  Received received;
  const ssize_t size = receive(socket, {into.data(), into.size()}, MSG_DONTWAIT, received.fd);
  if (size <= 0) return std::nullopt;
  received.size = static_cast<std::size_t>(size);
  return received;
}

Io write_all(int fd, std::span<iovec> parts, int passed) noexcept {
  parts = without(parts, 0);
  Control control;
  while (!parts.empty()) {
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = std::min<std::size_t>(parts.size(), IOV_MAX);
    if (passed >= 0) attach(message, control, passed);
    const ssize_t written = ::sendmsg(fd, &message, MSG_NOSIGNAL);
    if (written < 0) {
      if (errno == EINTR) continue;
      return failure_of(errno);
    }
    passed = -1;
    parts = without(parts, static_cast<std::size_t>(written));
  }
  return Io::ok;
}

Io write_at_once(int fd, std::span<iovec> parts) noexcept {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  ssize_t written = 0;
  do {
    written = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (written < 0 && errno == EINTR);
  if (written < 0) return failure_of(errno);
  return write_all(fd, without(parts, static_cast<std::size_t>(written)));
}

bool wait_readable(int fd, base::Nanos deadline) noexcept {
  pollfd waiting{fd, POLLIN, 0};
  for (;;) {
    const timespec left = time_until(deadline);
    const int ready = ::ppoll(&waiting, 1, &left, nullptr);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return true;  // the read that follows returns the error
  }
}

bool has_unread_bytes(int fd) noexcept {
  int bytes = 0;
  return ::ioctl(fd, SIOCOUTQ, &bytes) == 0 && bytes > 0;
}

Io read_frame(int fd, FrameHeader& header, std::span<char> into) noexcept {
  if (const Io io = read_exactly(fd, {reinterpret_cast<char*>(&header), sizeof(header)});
      io != Io::ok) {
    return io;
  }
  if (header.size > into.size()) return Io::failed;
  return read_exactly(fd, into.first(header.size));
}

void set_socket_times(int fd, std::chrono::milliseconds read, std::chrono::milliseconds write) {
  const timeval read_time = to_timeval(read);
  const timeval write_time = to_timeval(write);
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &read_time, sizeof(read_time));
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &write_time, sizeof(write_time));
}

void set_buffer_sizes(int fd, std::uint64_t send, std::uint64_t receive) {
  const auto set = [fd](int option, std::uint64_t size) {
    if (size == 0) return;
    const int bytes = static_cast<int>(std::min<std::uint64_t>(size, INT_MAX));
    ::setsockopt(fd, SOL_SOCKET, option, &bytes, sizeof(bytes));
  };
  set(SO_SNDBUF, send);
  set(SO_RCVBUF, receive);
}

void FrameReader::make_room(std::size_t size) {
  if (buffer_.size() - end_ >= size) return;
  if (end_ != begin_) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (buffer_.size() - end_ < size) buffer_.resize(end_ + size);
}

// Reads what has arrived, up to `room` bytes, or more if the buffer has room for more.
Io FrameReader::read(std::size_t room, base::Nanos deadline, int flags) {
  if (begin_ == end_) begin_ = end_ = 0;
  make_room(std::max(room, buffer_.empty() ? kFirstRoom : std::size_t{1}));
  if (deadline != 0 && !wait_readable(fd_, deadline)) return Io::timed_out;
  base::UniqueFd passed;
  const ssize_t size = receive(fd_, {buffer_.data() + end_, buffer_.size() - end_}, flags, passed);
  if (size < 0) return failure_of(errno);
  if (size == 0) return Io::closed;
  if (passed && descriptors_.size() == kMostDescriptors) return Io::failed;
  if (passed) descriptors_.push_back(std::move(passed));
  end_ += static_cast<std::size_t>(size);
  return Io::ok;
}

Io FrameReader::next(FrameHeader& header, base::Nanos deadline) {
  while (end_ - begin_ < sizeof(header)) {
    if (const Io io = read(sizeof(header), deadline); io != Io::ok) return io;
  }
  std::memcpy(&header, buffer_.data() + begin_, sizeof(header));
  begin_ += sizeof(header);
  left_ = header.size;
  return header.kind < FrameKind::count_ ? Io::ok : Io::failed;
}

// The buffer grows only with what arrives, since small blocks now and then need no large one.
bool FrameReader::read_ahead(std::size_t most) {
  while (end_ - begin_ < most) {
    const std::size_t have = end_ - begin_;
    const bool full = buffer_.size() == have;
    const std::size_t room = full ? std::min(most - have, std::max(have, kFirstRoom)) : 1;
    if (read(room, 0, MSG_DONTWAIT) != Io::ok) return false;  // the next read returns the reason
  }
  return true;
}

Io FrameReader::peek() const noexcept {
  char byte = 0;
  const ssize_t size = ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (size < 0) return failure_of(errno);
  return size == 0 ? Io::closed : Io::ok;
}

bool FrameReader::has_more() const { return begin_ != end_ || wait_readable(fd_, base::now()); }

bool FrameReader::has_next(FrameKind kind) const {
  FrameHeader header;
  if (!has_next()) return false;
  std::memcpy(&header, buffer_.data() + begin_, sizeof(header));
  return header.kind == kind;
}

std::span<const char> FrameReader::payload() const {
  return {buffer_.data() + begin_, std::min(left_, end_ - begin_)};
}

void FrameReader::take(std::size_t size) {
  begin_ += size;
  left_ -= size;
}

Io FrameReader::gather(std::size_t size, base::Nanos deadline) {
  if (size > left_) return Io::failed;
  while (payload().size() < size) {
    if (const Io io = read(size - payload().size(), deadline); io != Io::ok) return io;
  }
  return Io::ok;
}

void FrameReader::trim(std::size_t most) {
  if (buffer_.size() <= most) return;
  buffer_ = {};
  begin_ = end_ = 0;
}

base::UniqueFd FrameReader::take_descriptor() {
  if (descriptors_.empty()) return {};
  base::UniqueFd fd = std::move(descriptors_.front());
  descriptors_.erase(descriptors_.begin());
  return fd;
}

}  // namespace brine::daemon

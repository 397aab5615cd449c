#include "daemon/shared/fork_order.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <system_error>

#include "daemon/shared/control.hpp"

namespace brine::daemon {

namespace {

constexpr std::string_view kOrder = "fork";

// Room for the control message that carries an order's descriptors.
union Descriptors {
  cmsghdr header;  // aligns `bytes`
  char bytes[CMSG_SPACE(sizeof(OrderedFds))];
};

// Room for the control message in which the kernel says who sends.
union Credentials {
  cmsghdr header;  // aligns `bytes`
  char bytes[CMSG_SPACE(sizeof(ucred))];
};

// Receives a packet and its control message. Returns its size; less than 0: none has arrived, or
// `closed` is set.
ssize_t receive(int socket, std::span<char> packet, std::span<char> control, msghdr& message,
                bool& closed) noexcept {
  iovec part{packet.data(), packet.size()};
  message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  closed = size == 0 || (size < 0 && errno != EAGAIN);
  message.msg_iov = nullptr;
  return closed ? -1 : size;
}

}  // namespace

bool send_order(int control, const OrderedFds& fds) noexcept {
  Descriptors descriptors{};
  iovec part{const_cast<char*>(kOrder.data()), kOrder.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = descriptors.bytes;
  message.msg_controllen = sizeof(descriptors.bytes);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(fds));
  std::memcpy(CMSG_DATA(header), fds.data(), sizeof(fds));
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(control, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

std::optional<ForkOrder> take_order(int control, bool& closed) noexcept {
  std::array<char, 16> packet{};
  Descriptors descriptors{};
  msghdr message{};
  if (receive(control, packet, descriptors.bytes, message, closed) < 0) return std::nullopt;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS ||
      header->cmsg_len != CMSG_LEN(sizeof(OrderedFds))) {
    closed = true;  // this process has not room for that many descriptors
    return std::nullopt;
  }
  OrderedFds fds{};
  std::memcpy(fds.data(), CMSG_DATA(header), sizeof(fds));
  ForkOrder order;
  for (std::size_t i = 0; i < fds.size(); ++i) order[i].reset(fds[i]);
  return order;
}

void ask_for_senders(int control) {
  const int on = 1;
  if (::setsockopt(control, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) != 0) {
    throw std::system_error(errno, std::generic_category(), "SO_PASSCRED");
  }
}

std::optional<Sender> take_sender(int control, bool& closed) noexcept {
  std::array<char, 16> packet{};
  Credentials credentials{};
  msghdr message{};
  const ssize_t size = receive(control, packet, credentials.bytes, message, closed);
  if (size < 0) return std::nullopt;
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  const auto kind = static_cast<std::uint8_t>(packet[0]);
  if (kind != static_cast<std::uint8_t>(Message::forked) || header == nullptr ||
      header->cmsg_type != SCM_CREDENTIALS) {
    closed = true;
    return std::nullopt;
  }
  ucred sender{};
  std::memcpy(&sender, CMSG_DATA(header), sizeof(sender));
  return Sender{sender.pid, sender.uid};
}

}  // namespace brine::daemon

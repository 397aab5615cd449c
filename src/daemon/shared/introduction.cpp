#include "daemon/shared/introduction.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "daemon/shared/channel.hpp"
#include "daemon/shared/fields.hpp"

namespace brine::daemon {

namespace {

// A path is at most 4 KiB long, the name of an interpreter 8 KiB.
constexpr std::size_t kMostIntroductionBytes = 65536;

}  // namespace

template <class Codec, Of<Introduction> Value>
void fields(Codec& codec, Value& value) {
  auto& [group, slot, incarnation, script] = value;
  codec(group, slot, incarnation, script);
}

std::string encode(const Introduction& introduction) { return encoded(introduction); }

std::optional<Introduction> decode_introduction(std::string_view bytes) {
  return decoded<Introduction>(bytes);
}

bool introduce(int sender, const Introduction& introduction, int connection, base::Nanos deadline) {
  const std::string bytes = encode(introduction);
  return bytes.size() <= kMostIntroductionBytes &&
         send_with_fd(sender, bytes, connection, deadline);
}

std::optional<Introduced> take_introduction(int receiver) {
  std::array<char, kMostIntroductionBytes> buffer;
  auto received = receive_with_fd(receiver, buffer);
  if (!received) return std::nullopt;
  Introduced introduced;
  introduced.connection = std::move(received->fd);
  auto introduction = decode_introduction({buffer.data(), received->size});
  introduced.valid = introduction.has_value();
  if (introduction) introduced.introduction = std::move(*introduction);
  return introduced;
}

bool pass_connection(int socket, int connection) noexcept {
  constexpr std::array<char, 1> kPacket{};  // a packet must have a byte
  return send_with_fd(socket, kPacket, connection, 0);
}

std::optional<base::UniqueFd> take_connection(int socket) noexcept {
  std::array<char, 1> packet{};
  auto received = receive_with_fd(socket, packet);
  if (!received) return std::nullopt;
  return std::move(received->fd);
}

}  // namespace brine::daemon

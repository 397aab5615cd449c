#include "daemon/shared/control.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/shared/fields.hpp"

namespace brine::daemon {

namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> kReasonNames = {
    "none",
    "graceful restart",
    "shutdown",
    "eviction",
    "reload",
    "maximum-requests",
    "restart-interval",
    "inactivity-timeout",
    "request-timeout",
    "deadlock-timeout",
    "startup-timeout",
    "cpu-time-limit",
    "memory-recycle",
    "script failed",
    "finished",
    "out of descriptors",
    "idle",
    "cannot be forked"};

// mod_wsgi's words where it has one.
constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::count_)> kStoppingWords = {
    "shutdown_signal",
    "graceful_signal",
    "shutdown_signal",
    "eviction_signal",
    "script_reload",
    "maximum_requests",
    "restart_interval",
    "inactivity_timeout",
    "request_timeout",
    "deadlock_timeout",
    "startup_timeout",
    "cpu_time_limit",
    "memory_recycle",
    "script_failed",
    "finished",
    "descriptors",
    "idle",
    "unfit"};

// A path is at most 4 KiB long, the name of an interpreter 8 KiB.
constexpr std::size_t kMostBytes = 65536;

}  // namespace

template <class Codec, Of<ScriptFailure> Value>
void fields(Codec& codec, Value& value) {
  auto& [path, version, records] = value;
  codec(path, version, records);
}

std::string_view reason_name(Reason reason) noexcept {
  return kReasonNames[std::min(static_cast<std::size_t>(reason), kReasonNames.size() - 1)];
}

std::string_view stopping_word(Reason reason) noexcept {
  return kStoppingWords[std::min(static_cast<std::size_t>(reason), kStoppingWords.size() - 1)];
}

std::string encode(const Packet& packet) {
  return std::string{static_cast<char>(packet.message), static_cast<char>(packet.number)} +
         packet.text;
}

std::optional<Packet> decode_packet(std::string_view bytes) {
  if (bytes.size() < 2 ||
      static_cast<std::uint8_t>(bytes[0]) >= static_cast<std::uint8_t>(Message::count_)) {
    return std::nullopt;
  }
  return Packet{static_cast<Message>(bytes[0]), static_cast<std::uint8_t>(bytes[1]),
                std::string(bytes.substr(2))};
}

bool send_packet(int fd, const Packet& packet) noexcept {
  const std::string bytes = encode(packet);
  ssize_t sent = 0;
  do {
    sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

std::optional<Packet> receive_packet(int fd, bool& closed) {
  std::vector<char> bytes(kMostBytes);
  ssize_t size = 0;
  do {
    size = ::recv(fd, bytes.data(), bytes.size(), MSG_DONTWAIT);
  } while (size < 0 && errno == EINTR);
  closed = size == 0 || (size < 0 && errno != EAGAIN);
  return size < 0 ? std::nullopt : decode_packet({bytes.data(), static_cast<std::size_t>(size)});
}

std::string pack(const ScriptVersions& scripts) { return encoded(scripts); }
std::string pack(const Script& script) { return encoded(script); }

std::string pack(const ScriptFailure& failure) {
  ScriptFailure bounded = failure;
  std::size_t left = kMostBytes / 2;
  for (std::string& record : bounded.records) {
    record.resize(std::min(record.size(), left));
    left -= record.size();
  }
  std::erase(bounded.records, std::string());
  return encoded(bounded);
}

std::optional<ScriptVersions> unpack_versions(std::string_view text) {
  return decoded<ScriptVersions>(text);
}

std::optional<Script> unpack_script(std::string_view text) {
  std::optional<Script> script = decoded<Script>(text);
  if (script) script->learnt = true;
  return script;
}

std::optional<ScriptFailure> unpack_failure(std::string_view text) {
  return decoded<ScriptFailure>(text);
}

}  // namespace brine::daemon

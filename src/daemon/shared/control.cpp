#include "daemon/shared/control.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <vector>

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
    "out of descriptors"};

// Paths are at most 4 KiB, names of interpreters 8 KiB.
constexpr std::size_t kMostBytes = 65536;

}  // namespace

std::string_view reason_name(Reason reason) noexcept {
  return kReasonNames[std::min(static_cast<std::size_t>(reason), kReasonNames.size() - 1)];
}

bool send_packet(int fd, const Packet& packet) noexcept {
  std::string bytes{static_cast<char>(packet.message), static_cast<char>(packet.number)};
  bytes += packet.text;
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
  if (size < 2) return std::nullopt;
  return Packet{static_cast<Message>(bytes[0]), static_cast<std::uint8_t>(bytes[1]),
                std::string(bytes.data() + 2, static_cast<std::size_t>(size) - 2)};
}

std::string pack(const ScriptVersions& scripts) {
  std::string text;
  for (const auto& [path, changed] : scripts) {
    text.append(path).append(1, '\0').append(std::to_string(changed)).append(1, '\0');
  }
  return text;
}

ScriptVersions unpack_failed(std::string_view text) {
  ScriptVersions scripts;
  const auto next = [&text] {
    const std::string_view word = text.substr(0, text.find('\0'));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    return word;
  };
  while (!text.empty()) {
    const std::string_view path = next();
    const std::string_view number = next();
    std::int64_t changed = 0;
    std::from_chars(number.data(), number.data() + number.size(), changed);
    scripts.emplace(path, changed);
  }
  return scripts;
}

std::string pack(const Script& script) {
  std::string text;
  text += static_cast<char>(script.reloading);
  text += static_cast<char>(script.keep_last_good);
  text += static_cast<char>(script.registered);
  text += static_cast<char>(script.pickle_policy);
  text += static_cast<char>(script.group_named_by);
  return text + script.path + '\0' + script.callable + '\0' + script.application_group;
}

std::optional<Script> unpack(std::string_view text) {
  constexpr std::size_t kFlags = 5;
  const std::size_t first = text.find('\0', kFlags);
  const std::size_t second = first == std::string_view::npos ? first : text.find('\0', first + 1);
  if (second == std::string_view::npos || text[0] > static_cast<char>(wsgi::Reloading::rolling) ||
      text[3] > static_cast<char>(pickle::Policy::builtin_only) ||
      text[4] > static_cast<char>(wsgi::NamedBy::variable)) {
    return std::nullopt;
  }
  Script script;
  script.learnt = true;
  script.reloading = static_cast<wsgi::Reloading>(text[0]);
  script.keep_last_good = text[1] != 0;
  script.registered = text[2] != 0;
  script.pickle_policy = static_cast<pickle::Policy>(text[3]);
  script.group_named_by = static_cast<wsgi::NamedBy>(text[4]);
  script.path = text.substr(kFlags, first - kFlags);
  script.callable = text.substr(first + 1, second - first - 1);
  script.application_group = text.substr(second + 1);
  return script;
}

}  // namespace brine::daemon

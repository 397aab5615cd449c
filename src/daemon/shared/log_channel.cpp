#include "daemon/shared/log_channel.hpp"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>

namespace brine::daemon {

namespace {

// The codes in the group 06 that a daemon process logs about itself.
constexpr std::array<std::string_view, 14> kOwnCodes = {"0607", "0608", "0611", "0612", "0613",
                                                        "0614", "0615", "0623", "0625", "0626",
                                                        "0628", "0641", "0643", "0645"};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Returns the digits behind "BRINE" at the beginning of the text, or nothing.
std::string_view code_in(std::string_view text) {
  constexpr std::string_view kPrefix = "BRINE";
  constexpr std::size_t kDigits = 4;
  if (!text.starts_with(kPrefix)) return {};
  const std::string_view digits = text.substr(kPrefix.size(), kDigits);
  return digits.size() == kDigits && std::all_of(digits.begin(), digits.end(), is_digit)
             ? digits
             : std::string_view();
}

// Flags in a packet's second byte.
constexpr char kMoreFollows = 1;

}  // namespace

void LogChannel::log(base::Level level, std::string_view text) noexcept {
  if (level > least_ && level != base::Level::notice) return;
  if (!send_lost() || !send(level, text)) lost_.fetch_add(1, std::memory_order_relaxed);
}

// Tells how many records have been lost, if any. Returns false if not even that could be sent.
bool LogChannel::send_lost() noexcept {
  const std::uint64_t lost = lost_.exchange(0, std::memory_order_relaxed);
  if (lost == 0) return true;
  std::array<char, 128> line;
  const int size = std::snprintf(line.data(), line.size(),
                                 "BRINE0645: %llu log records of this process were lost, as the "
                                 "supervisor did not take them in time",
                                 static_cast<unsigned long long>(lost));
  if (send(base::Level::warning, {line.data(), static_cast<std::size_t>(size)})) return true;
  lost_.fetch_add(lost, std::memory_order_relaxed);
  return false;
}

// Returns false if a piece of the text was not taken.
bool LogChannel::send(base::Level level, std::string_view text) noexcept {
  do {
    const std::string_view piece = text.substr(0, kMostLogBytes);
    text.remove_prefix(piece.size());
    std::array<char, 2> head = {static_cast<char>(level), text.empty() ? '\0' : kMoreFollows};
    std::array<iovec, 2> parts = {iovec{head.data(), head.size()},
                                  iovec{const_cast<char*>(piece.data()), piece.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    while (::sendmsg(fd_, &message, MSG_NOSIGNAL) < 0) {
      if (errno != EINTR) return false;
    }
  } while (!text.empty());
  return true;
}

std::optional<LogPacket> parse_log_packet(std::span<const char> packet) noexcept {
  if (packet.size() < 2) return std::nullopt;
  const auto level = static_cast<std::uint8_t>(packet[0]);
  if (level < static_cast<std::uint8_t>(base::Level::critical) ||
      level > static_cast<std::uint8_t>(base::Level::debug)) {
    return std::nullopt;
  }
  return LogPacket{static_cast<base::Level>(level),
                   packet[1] == kMoreFollows,
                   {packet.data() + 2, packet.size() - 2}};
}

bool claims_foreign_code(std::string_view text) noexcept {
  const std::string_view code = code_in(text);
  if (code.empty() || (code >= "0001" && code <= "0004") || (code >= "0200" && code <= "0599")) {
    return false;
  }
  return std::find(kOwnCodes.begin(), kOwnCodes.end(), code) == kOwnCodes.end();
}

std::string continuation_of(std::string_view text) {
  const std::string_view code = code_in(text);
  return code.empty() ? std::string() : "BRINE" + std::string(code) + ": (continued) ";
}

std::string marked(std::string_view text) {
  std::string result;
  // If the text begins with a code of its own, httpd's side repeats that code in front of each
  // further line, so these need no mark.
  const bool check = code_in(text).empty() || claims_foreign_code(text);
  while (!text.empty()) {
    if (check && claims_foreign_code(text)) result.append("> ");
    const std::size_t size = check ? std::min(text.find('\n'), text.size() - 1) + 1 : text.size();
    result.append(text.substr(0, size));
    text.remove_prefix(size);
  }
  return result;
}

}  // namespace brine::daemon

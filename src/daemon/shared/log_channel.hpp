// Log records of a daemon process that belong to no request: packets to the supervisor, which
// writes them with httpd's own functions. A daemon process has no log file, and can neither
// truncate nor forge one.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "boundary/log.hpp"

namespace brine::daemon {

/// A longer text travels in several packets.
inline constexpr std::size_t kMostLogBytes = 16384;

/// A daemon process's end.
class LogChannel final : public base::LogSink {
 public:
  /// `fd` stays the caller's. Nothing less important than `least` is sent, but notices always are.
  LogChannel(int fd, base::Level least) : fd_(fd), least_(least) {}

  /// BLOCKS while the supervisor does not keep up; what it does not take in time is lost.
  void log(base::Level level, std::string_view text) noexcept override;

 private:
  int fd_;
  base::Level least_;
};

struct LogPacket {
  base::Level level = base::Level::error;
  bool more = false;  ///< the text goes on in the next packet
  std::string_view text;
};

/// What a packet says; nothing if it is malformed.
std::optional<LogPacket> parse_log_packet(std::span<const char> packet) noexcept;

/// Whether a text begins with a code (BRINE and four digits) that no daemon process has a reason to
/// use: it was made up, so that the record looks like one of httpd's side.
bool claims_foreign_code(std::string_view text) noexcept;

/// A text that a daemon process sent, as it may be logged: one that claims such a code is marked.
std::string marked(std::string_view text);

/// What the next piece of a text begins with that is too long for one: the code of the first piece,
/// so that each can be told to be Brine's own; nothing if that has no code.
std::string continuation_of(std::string_view text);

}  // namespace brine::daemon

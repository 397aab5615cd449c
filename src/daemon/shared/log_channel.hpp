// The channel for a daemon process's log records that belong to no request: packets to the
// supervisor, which writes them with httpd's own functions. A daemon process has no log file, so it
// can neither truncate nor forge one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "boundary/log.hpp"

namespace brine::daemon {

/// A longer text is sent in several packets.
inline constexpr std::size_t kMostLogBytes = 16384;

/// The daemon process's end of the channel.
class LogChannel final : public base::LogSink {
 public:
  /// Writes to `fd`, which stays the caller's. Records less important than `least` are not sent,
  /// except for notices.
  LogChannel(int fd, base::Level least) : fd_(fd), least_(least) {}

  /// Sends a record. BLOCKS while the supervisor does not keep up; a record that it does not take
  /// in time is lost, and counted in front of the next one that it takes.
  void log(base::Level level, std::string_view text) noexcept override;

 private:
  bool send(base::Level level, std::string_view text) noexcept;
  bool send_lost() noexcept;

  int fd_;
  base::Level least_;
  std::atomic<std::uint64_t> lost_ = 0;  ///< records that the supervisor has not taken
};

/// A record, or a piece of one, in a packet. `text` points into the packet.
struct LogPacket {
  base::Level level = base::Level::error;
  bool more = false;  ///< the text continues in the next packet
  std::string_view text;
};

/// Returns the contents of a packet; nothing if it is malformed.
std::optional<LogPacket> parse_log_packet(std::span<const char> packet) noexcept;

/// Returns true if the text begins with a code (BRINE and four digits) that no daemon process logs:
/// it was made up to look like a record of httpd's side.
bool claims_foreign_code(std::string_view text) noexcept;

/// Returns a daemon process's text in the form in which it may be logged: lines that claim such a
/// code are marked with "> ".
std::string marked(std::string_view text);

/// Returns the beginning of the next piece of a text that is too long for one: the code of the
/// first piece, so that each piece can be recognised as Brine's own; nothing if there is no code.
std::string continuation_of(std::string_view text);

}  // namespace brine::daemon

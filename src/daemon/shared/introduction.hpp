// Introductions: packets in which httpd's processes tell the supervisor which daemon process a
// connection is meant for, and which scripts requests ask for. All of httpd's processes share one
// SOCK_SEQPACKET pair.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// Stands for a slot in an introduction which only tells that a request waits for a thread.
inline constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

/// A packet from one of httpd's processes to the supervisor: of a connection that is meant for a
/// daemon process, of a script that requests ask for, or of a request that waits for a thread.
struct Introduction {
  std::uint32_t group = 0;        ///< index among the configuration's groups
  std::uint32_t slot = 0;         ///< or kNoSlot
  std::uint32_t incarnation = 0;  ///< of the process that the connection is meant for
  std::optional<Script> script;   ///< a script that requests ask for; no connection then
};

/// Encode an introduction, and decode it again; nothing if this build would not send the bytes.
std::string encode(const Introduction& introduction);
std::optional<Introduction> decode_introduction(std::string_view bytes);

/// Sends an introduction, with a connection's socket (or -1). Returns false if it cannot be sent.
/// BLOCKS while the supervisor does not keep up, until `deadline`.
bool introduce(int sender, const Introduction& introduction, int connection, base::Nanos deadline);

/// An introduction that was received. `valid` is false if this build would not send it.
struct Introduced {
  bool valid = false;
  Introduction introduction;
  base::UniqueFd connection;
};

/// Returns the next introduction, or nothing if none has arrived.
std::optional<Introduced> take_introduction(int receiver);

/// Passes a connection to the daemon process at the other end. Returns false if the socket has no
/// room.
bool pass_connection(int socket, int connection) noexcept;

/// Returns the next connection that was passed, or nothing if none has arrived. Its descriptor is
/// -1 if the process had none left for it.
std::optional<base::UniqueFd> take_connection(int socket) noexcept;

}  // namespace brine::daemon

// What httpd's processes tell the supervisor, as packets of a SOCK_SEQPACKET pair that all of them
// share: which connection is meant for which daemon process, and which scripts requests ask for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/unique_fd.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

struct Introduction {
  std::uint32_t group = 0;  ///< index among the configuration's groups
  std::uint32_t slot = 0;
  std::uint32_t incarnation = 0;  ///< of the process that the connection is meant for
  std::optional<Script> script;   ///< one that httpd serves requests for, in place of a connection
};

/// The bytes of one, and what some bytes introduce: nothing if nobody of this build would send
/// them.
std::string encode(const Introduction& introduction);
std::optional<Introduction> decode_introduction(std::string_view bytes);

/// Sends one, with a connection's socket (or -1). False: nobody will ever take it. BLOCKS while the
/// supervisor does not keep up, until `deadline`.
bool introduce(int sender, const Introduction& introduction, int connection, base::Nanos deadline);

/// What introduce() has sent. `valid` is false for what nobody of this build would send.
struct Introduced {
  bool valid = false;
  Introduction introduction;
  base::UniqueFd connection;
};

/// The next one; none if there is none now.
std::optional<Introduced> take_introduction(int receiver);

/// Hands a connection to the daemon process at the other end. False: it cannot be taken now.
bool pass_connection(int socket, int connection) noexcept;

/// The next connection that was passed; none if there is none now. It has no descriptor where the
/// process had none left for it.
std::optional<base::UniqueFd> take_connection(int socket) noexcept;

}  // namespace brine::daemon

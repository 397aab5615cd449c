// What the supervisor and a daemon process tell each other, as packets of a SOCK_SEQPACKET pair.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// Why a daemon process has to leave, or has left.
enum class Reason : std::uint8_t {
  none,  ///< nobody told it to
  graceful_restart,
  shutdown,
  eviction,
  reload,
  maximum_requests,
  restart_interval,
  inactivity_timeout,
  request_timeout,
  deadlock_timeout,
  startup_timeout,
  cpu_time_limit,
  memory_recycle,
  script_failed,
  finished,     ///< a service whose scripts have returned
  descriptors,  ///< it has none left, and connections are not what it spent them on
  count_,
};

/// As it stands in log records: "maximum-requests".
std::string_view reason_name(Reason reason) noexcept;

enum class Message : std::uint8_t {
  // from the daemon process
  ready,    ///< number: 0 if a script that was to be loaded did not load
  seen,     ///< text: pack(ScriptVersions): it has looked at these, and will load or report them
  loaded,   ///< text: pack(Script): it has loaded this script, as a request or `load` wanted
  changed,  ///< text: path of a script whose file is no longer what runs
  script_failed,  ///< text: pack(ScriptFailure)
  retire,         ///< number: a Reason: it should be replaced
  leaving,        ///< its last request has ended, and what is left to be done at the end has begun
  // from the supervisor
  load,         ///< text: pack(Script): another process of the group has had to load it
  code_failed,  ///< text: pack(ScriptVersions): new code did not load because of these
  drain,        ///< number: Reason; leave when no request is left
  stop,         ///< number: Reason; leave, whatever is running, within shutdown-timeout
  count_,
};

struct Packet {
  Message message = Message::ready;
  std::uint8_t number = 0;
  std::string text;
};

/// A packet's bytes, and the packet of some bytes: nothing if they are none.
std::string encode(const Packet& packet);
std::optional<Packet> decode_packet(std::string_view bytes);

/// False: the other end is gone, or does not read.
bool send_packet(int fd, const Packet& packet) noexcept;

/// The next packet; none if there is none now, or (`closed`) none will ever come.
std::optional<Packet> receive_packet(int fd, bool& closed);

/// Paths of scripts, and the version of each, see base::version_of().
using ScriptVersions = std::map<std::string, std::int64_t, std::less<>>;

/// A script that does not load.
struct ScriptFailure {
  std::string path;
  std::int64_t version = 0;          ///< as it was before the process tried
  std::vector<std::string> records;  ///< what there is to say, unless that has been said
};

std::string pack(const ScriptVersions& scripts);
std::string pack(const Script& script);
std::string pack(const ScriptFailure& failure);

/// What pack() made; nothing if `text` is anything else. A script is marked as learnt.
std::optional<ScriptVersions> unpack_versions(std::string_view text);
std::optional<Script> unpack_script(std::string_view text);
std::optional<ScriptFailure> unpack_failure(std::string_view text);

}  // namespace brine::daemon

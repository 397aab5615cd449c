// The control channel: packets between the supervisor and a daemon process, over a SOCK_SEQPACKET
// pair.
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

/// Why a daemon process has to end, or has ended.
enum class Reason : std::uint8_t {
  none,  ///< the process was not told to end
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
  descriptors,  ///< the process has none left, and connections use few
  idle,         ///< the group has more processes than its load needs
  unfit,        ///< a template from which no process can be forked
  count_,
};

/// Returns the reason as log records show it: "maximum-requests".
std::string_view reason_name(Reason reason) noexcept;

/// Returns the reason as the event `process_stopping` of mod_wsgi tells it: "maximum_requests".
std::string_view stopping_word(Reason reason) noexcept;

/// The kind of a packet, which decides what its `number` and `text` mean.
enum class Message : std::uint8_t {
  // Packets from the daemon process:
  ready,          ///< number: 0 if a script that was to be loaded did not load
  seen,           ///< text: pack(ScriptVersions) of scripts that the process will load or report
  loaded,         ///< text: pack(Script): loaded since a request or `load` asked for it
  changed,        ///< text: path of a script whose file is no longer what the process runs
  script_failed,  ///< text: pack(ScriptFailure)
  retire,         ///< number: a Reason: the process should be replaced
  leaving,        ///< its last request has ended, and its atexit callbacks begin
  forked,         ///< a template has forked the process: its first packet, see fork_order.hpp
  // Packets from a template, which also sends ready, seen and changed:
  unfit,        ///< number: 1 if text, the reason why none can be forked from it, is to be logged
  fork_failed,  ///< text: why the system forked no process
  // Packets from the supervisor:
  load,         ///< text: pack(Script): the process is to load it too
  code_failed,  ///< text: pack(ScriptVersions): new code did not load because of these
  drain,        ///< number: Reason: end when no request is left
  stop,         ///< number: Reason: end within shutdown-timeout, whatever is running
  count_,
};

/// A message between the supervisor and a daemon process.
struct Packet {
  Message message = Message::ready;
  std::uint8_t number = 0;
  std::string text;
};

/// Encode a packet, and decode it again; nothing if the bytes are malformed.
std::string encode(const Packet& packet);
std::optional<Packet> decode_packet(std::string_view bytes);

/// Returns false if the other end is closed, or does not read.
bool send_packet(int fd, const Packet& packet) noexcept;

/// Returns the next packet, or nothing if none has arrived; sets `closed` if the other end is
/// closed.
std::optional<Packet> receive_packet(int fd, bool& closed);

/// Versions of scripts by path, see base::version_of().
using ScriptVersions = std::map<std::string, std::int64_t, std::less<>>;

/// A script that does not load.
struct ScriptFailure {
  std::string path;
  std::int64_t version = 0;          ///< version of its file before the process tried
  std::vector<std::string> records;  ///< log records of the failure that have not been logged
};

/// Encode values as the text of a packet.
std::string pack(const ScriptVersions& scripts);
std::string pack(const Script& script);
std::string pack(const ScriptFailure& failure);

/// Decode what pack() made; nothing if `text` is malformed. A decoded script is marked as learnt.
std::optional<ScriptVersions> unpack_versions(std::string_view text);
std::optional<Script> unpack_script(std::string_view text);
std::optional<ScriptFailure> unpack_failure(std::string_view text);

}  // namespace brine::daemon

// Defines what the supervisor hands over to a daemon process when it executes brine-worker:
// descriptors with fixed numbers, and a memory file with everything else. Nothing of the
// supervisor's or httpd's memory is inherited.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

/// The descriptors of a daemon process when its program begins. Besides these, 0 is /dev/null, and
/// 1 and 2 are the group's pipe, which the supervisor reads.
inline constexpr int kControlFd = 3;      ///< packets to and from the supervisor, see control.hpp
inline constexpr int kHandoverFd = 4;     ///< sealed; holds an encoded Handover
inline constexpr int kConnectionsFd = 5;  ///< takes connections of httpd's children
inline constexpr int kSlotFd = 6;         ///< memory of its group's slots, see scoreboard.hpp
inline constexpr int kLogFd = 7;     ///< takes records for httpd's error log, see log_channel.hpp
inline constexpr int kCrashFd = 8;   ///< where faulthandler writes
inline constexpr int kEngineFd = 9;  ///< the engine's shared object, as httpd has found it
inline constexpr int kEndOfFds = 10;

/// The exit statuses of a daemon process.
inline constexpr int kExitOk = 0;
inline constexpr int kExitCannotStart = 70;   ///< EX_SOFTWARE: the program, or Python
inline constexpr int kExitCannotBecome = 71;  ///< EX_OSERR: identity or limits
inline constexpr int kExitCannotGoOn = 74;    ///< EX_IOERR: see RequestServer::work

/// Everything that a daemon process has to know.
struct Handover {
  std::uint32_t abi = engine::kAbi;  ///< kAbi of the module; must stay the first member
  Group group;
  engine::Config engine;
  std::string engine_path;      ///< for messages, and in a chroot, which has no /proc
  std::string process_name;     ///< the name that `ps -o comm` shows
  std::uint64_t log_level = 0;  ///< the least important base::Level that httpd's log takes
  std::uint32_t slot = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::vector<Script> scripts;  ///< scripts to load before it is ready
  /// True for a template: the process serves no request, and forks those that do.
  bool is_template = false;
};

/// Returns the bytes of a handover.
std::string encode(const Handover& handover);

/// Returns nothing if the bytes are malformed, or of another build.
std::optional<Handover> decode(std::string_view bytes);

/// Makes a memory file that holds `bytes` and cannot be changed any more. Throws std::system_error.
base::UniqueFd sealed_memory(std::string_view bytes);

/// Returns all bytes of a memory file, or nothing if it cannot be read.
std::optional<std::string> read_memory(int fd);

}  // namespace brine::daemon

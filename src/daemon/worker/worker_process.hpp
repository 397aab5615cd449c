// A daemon process: serves requests that come over connections from httpd, until it is told to go.
#pragma once

#include <cstdint>
#include <vector>

#include "base/unique_fd.hpp"
#include "daemon/shared/host.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/shared/scoreboard.hpp"

namespace brine::daemon {

/// What a daemon process is born with.
struct WorkerContext {
  const Group& group;
  GroupView view;
  std::size_t slot = 0;
  std::uint32_t incarnation = 0;
  std::uint32_t code = 0;
  std::vector<Script> scripts;  ///< to load before it is ready
  PrivateFd fd_socket;          ///< receiving end
  PrivateFd control;
  base::UniqueFd generation;  ///< ends (reads EOF) when none of httpd's processes is left
  PrivateFd crash_report;     ///< where faulthandler writes
};

/// How a daemon process ends of its own accord.
inline constexpr int kExitOk = 0;
inline constexpr int kExitCannotBecome = 71;  ///< EX_OSERR: identity or limits
inline constexpr int kExitCannotStart = 70;   ///< EX_SOFTWARE: Python
inline constexpr int kExitCannotGoOn = 74;    ///< EX_IOERR: see RequestServer::work

/// The whole life of a daemon process. The caller has just been forked and has one thread.
[[noreturn]] void run_worker(WorkerContext context, Host& host) noexcept;

}  // namespace brine::daemon

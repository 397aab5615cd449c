// The supervisor's main loop. The supervisor starts, watches and replaces the daemon processes. It
// runs no Python and no code of a tenant's: where root starts httpd, the supervisor stays root.
#pragma once

#include "daemon/shared/endpoints.hpp"
#include "daemon/supervisor/host.hpp"

namespace brine::daemon {

/// Runs the supervisor in a process that has just been forked. Ends the process when httpd has gone
/// or SIGTERM has come, and the last daemon process has ended.
[[noreturn]] void run_supervisor(Endpoints& endpoints, Host& host) noexcept;

}  // namespace brine::daemon

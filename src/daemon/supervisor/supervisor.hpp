// The process that starts, watches and replaces the daemon processes. No Python, nothing of the
// user's runs in it: where httpd is started by root, it stays root.
#pragma once

#include "daemon/shared/endpoints.hpp"
#include "daemon/supervisor/host.hpp"

namespace brine::daemon {

/// The whole life of the supervisor. The caller has just been forked. It ends when the last daemon
/// process has ended, after httpd has gone or SIGTERM has come.
[[noreturn]] void run_supervisor(Endpoints& endpoints, Host& host) noexcept;

}  // namespace brine::daemon

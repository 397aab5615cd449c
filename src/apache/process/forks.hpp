// Processes that an application forks in one of httpd's own processes.
#pragma once

namespace brine::apache {

/// From here on a process that is forked is none of httpd's: it has neither the sockets that listen
/// nor the clients' connections, the signals that httpd handles mean what they mean in a new
/// program, and none is blocked. To be called before Python starts. Throws std::system_error.
void guard_application_forks();

}  // namespace brine::apache

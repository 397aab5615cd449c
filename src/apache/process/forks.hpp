// Separates processes that an application forks in one of httpd's children from httpd.
#pragma once

namespace brine::apache {

/// Has every process that is forked from now on lose what is httpd's: it has neither listening
/// sockets nor clients' connections, signals that httpd handles have their default effect, and none
/// is blocked. Must be called before Python starts. Throws std::system_error.
void guard_application_forks();

}  // namespace brine::apache

// Tells of the life of this process, where it is one of httpd's own that runs Python.
#pragma once

namespace brine::apache {

/// Tells that Python is about to be started.
void tell_own_start();

/// Tells that Python runs.
void tell_own_readiness();

/// Tells, once, that httpd has this process end. `graceful` is what the MPM says of it.
void tell_own_retirement(bool graceful);

/// Tells that Python has ended, as the process is about to.
void tell_own_end();

}  // namespace brine::apache

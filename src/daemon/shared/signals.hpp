// Signals of a daemon process or the supervisor, turned into something that a poll can wait for.
#pragma once

namespace brine::daemon {

/// Catches SIGTERM, SIGINT, SIGUSR1, SIGXCPU, SIGHUP and SIGUSR2 (and SIGCHLD with `children`) from
/// here on; all others behave as in a new program, but SIGPIPE, which is ignored. They are not
/// blocked: what an application starts would inherit that. A process that the application forks
/// behaves as if nothing were caught.
void catch_signals(bool children = false);

/// Can be read when a signal has come.
int signal_fd() noexcept;

/// The next signal that has come, or 0.
int take_signal() noexcept;

}  // namespace brine::daemon

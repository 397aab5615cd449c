// Turns signals of a daemon process or the supervisor into a readable descriptor.
#pragma once

namespace brine::daemon {

/// Catches SIGTERM, SIGINT, SIGUSR1, SIGXCPU, SIGHUP and SIGUSR2 (with `children` also SIGCHLD),
/// ignores SIGPIPE, and sets all others to SIG_DFL. The signals are not blocked, since programs
/// that an application starts would inherit that. In a process that the application forks they have
/// their default effect. Throws std::system_error.
void catch_signals(bool children = false);

/// Has a process that was forked from one with catch_signals() catch its own signals likewise. What
/// else handles signals there stays. They have to be blocked. Throws std::system_error.
void adopt_signals();

/// Has the calling thread, and those that it starts, take all signals.
void unblock_signals() noexcept;

/// Returns a descriptor that is readable when a signal has been caught.
int signal_fd() noexcept;

/// Returns the next signal that has been caught, or 0.
int take_signal() noexcept;

}  // namespace brine::daemon

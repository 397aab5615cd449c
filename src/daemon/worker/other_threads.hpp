// Finds the threads that a process forked from this one would lack.
#pragma once

#include <string>

namespace brine::daemon {

/// Returns which threads this process has beside the calling one, as "830 ('name'), 831 ('name')";
/// empty: none. Without a folder `tasks` (a chroot has no /proc), the kernel says whether there are
/// any, and not which; if it may not be asked, there may be some.
std::string other_threads(const char* tasks = "/proc/self/task");

/// Returns the same of those that outlive a fork. A library may end its threads by a handler of
/// pthread_atfork() and start them again when it needs them, as OpenBLAS does: a process is forked,
/// which ends at once, to have it do so. A thread that is about to end is waited for. BLOCKS for as
/// long as such a handler does.
std::string threads_in_the_way();

}  // namespace brine::daemon

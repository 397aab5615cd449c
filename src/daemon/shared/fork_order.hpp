// The order to a template to fork a daemon process (preload=On): the supervisor sends the process's
// descriptors, and the new process says who it is by its first packet.
#pragma once

#include <sys/types.h>

#include <array>
#include <optional>

#include "base/unique_fd.hpp"
#include "daemon/shared/handover.hpp"

namespace brine::daemon {

/// The numbers under which a forked process has what an order carries, in this order. They are
/// those of a process that was executed, except for the engine, which the template has opened.
inline constexpr std::array kOrderedFds = {kControlFd, kHandoverFd, kConnectionsFd,
                                           kSlotFd,    kLogFd,      kCrashFd};
using OrderedFds = std::array<int, kOrderedFds.size()>;
using ForkOrder = std::array<base::UniqueFd, kOrderedFds.size()>;

/// Sends an order over a template's control channel. Returns false if the template does not read.
bool send_order(int control, const OrderedFds& fds) noexcept;

/// Returns the next order, or nothing if none has arrived; sets `closed` if the other end is
/// closed.
std::optional<ForkOrder> take_order(int control, bool& closed) noexcept;

/// The process that has sent a packet, as the kernel says.
struct Sender {
  pid_t pid = 0;
  uid_t user = 0;
};

/// Has the kernel say who sends over the other end of a control channel. Throws std::system_error.
void ask_for_senders(int control);

/// Takes Message::forked, the first packet of a process, after ask_for_senders(). Returns nothing
/// if none has arrived; sets `closed` if the other end is closed or has sent something else.
std::optional<Sender> take_sender(int control, bool& closed) noexcept;

}  // namespace brine::daemon

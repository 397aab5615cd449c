#include "daemon/supervisor/launch.hpp"

#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "base/blocked_signals.hpp"
#include "daemon/shared/channel.hpp"
#include "daemon/shared/fork_order.hpp"
#include "daemon/shared/log_channel.hpp"
#include "daemon/supervisor/exec_worker.hpp"

namespace brine::daemon {

namespace {

// A process waits at most this long for the supervisor to take a log record; then the record is
// lost.
constexpr Duration kLogPatience{1000};

}  // namespace

FarEnds make_channels(Process& process) {
  FarEnds far;
  base::UniqueFd records;
  std::tie(process.control, far.control) = socket_pair(SOCK_SEQPACKET);
  std::tie(process.connections, far.connections) = socket_pair(SOCK_SEQPACKET);
  std::tie(records, far.log) = socket_pair(SOCK_SEQPACKET);
  set_socket_times(far.log.get(), Duration(0), kLogPatience);
  process.records.emplace(std::move(records));
  process.crash_report.reset(::memfd_create("brine crash report", MFD_CLOEXEC));
  if (!process.crash_report) {
    throw std::system_error(errno, std::generic_category(), "memfd_create");
  }
  return far;
}

void launch(Process& process, const FarEnds& far, const Launch& with) {
  const base::UniqueFd handover = sealed_memory(encode(with.handover));
  const bool at_terminal = with.program.at_terminal;
  std::array<int, kEndOfFds> fds{};
  fds[STDIN_FILENO] = at_terminal ? STDIN_FILENO : -1;
  fds[STDOUT_FILENO] = at_terminal ? STDOUT_FILENO : with.output;
  fds[STDERR_FILENO] = with.output;
  fds[kControlFd] = far.control.get();
  fds[kHandoverFd] = handover.get();
  fds[kConnectionsFd] = far.connections.get();
  fds[kSlotFd] = with.slot_memory;
  fds[kLogFd] = far.log.get();
  fds[kCrashFd] = process.crash_report.get();
  fds[kEngineFd] = with.program.engine;
  // Signals that are sent before the process catches them wait until then (catch_signals).
  const base::BlockedSignals blocked;
  process.pid = ::fork();
  if (process.pid == 0) exec_worker(with.program, fds, kExitCannotStart);
  if (process.pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  process.records->set_process(process.pid);
}

bool order(Process& process, int control, const Handover& handover, int slot_memory) {
  const FarEnds& far = process.far_ends;
  const base::UniqueFd told = sealed_memory(encode(handover));
  ask_for_senders(process.control.get());
  const OrderedFds fds = {far.control.get(), told.get(),    far.connections.get(),
                          slot_memory,       far.log.get(), process.crash_report.get()};
  if (!send_order(control, fds)) {
    if (errno == EAGAIN) return false;
    throw std::system_error(errno, std::generic_category(), "sendmsg to the template");
  }
  process.far_ends = {};
  process.birth = Birth::ordered;
  return true;
}

}  // namespace brine::daemon

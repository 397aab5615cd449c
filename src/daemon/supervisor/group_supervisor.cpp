#include "daemon/supervisor/group_supervisor.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <tuple>

#include "daemon/shared/channel.hpp"
#include "daemon/supervisor/policy.hpp"
#include "daemon/worker/worker_process.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// A process that lived so long before it died does not make the next one wait.
constexpr Nanos kLongLife = 10 * base::kSecond;

// So many crashes in a row are answered at once; a process that did not become ready is none.
constexpr unsigned kFreeCrashes = 5;

// So many packets of a process are heard before the others have their turn.
constexpr int kMostPackets = 64;

// A process that was sent SIGABRT has so long to write its stack.
constexpr Nanos kLastWords = 2 * base::kSecond;

Nanos after(Nanos now, Duration time) { return time.count() == 0 ? 0 : now + base::nanos(time); }

}  // namespace

GroupSupervisor::GroupSupervisor(std::size_t index, Endpoints& endpoints, Host& host,
                                 std::function<void()> close_others)
    : index_(index),
      endpoints_(endpoints),
      host_(host),
      group_(*endpoints.groups()[index]),
      limits_(group_.limits),
      view_(endpoints.scoreboard().group(index)),
      log_(host.log(group_)),
      close_others_(std::move(close_others)),
      scripts_(group_.scripts, group_.chroot) {
  if (view_.board->code.load() == 0) view_.board->code.store(1);
  // Code that a predecessor gave up: the orphans cannot say when it has been mended.
  const std::uint32_t failed = view_.board->failed_code.load();
  if (failed >= view_.board->code.load()) view_.board->code.store(failed + 1);
  adopt_orphans();
}

Nanos GroupSupervisor::tend(Nanos now) {
  look_for_orphans();
  for (Process& process : processes_) examine(process, now);
  if (!ending_) {
    if (end_stuck_starts(now) || (retry_at_ != 0 && now >= retry_at_) || lacking_changed()) {
      ask_for_new_code();
    }
    load_lacking(now);
    start_missing(now);
  }
  drain_replaced(now);
  return next_look(now);
}

void GroupSupervisor::add_to(std::vector<pollfd>& fds) const {
  for (const Process& process : processes_) {
    if (process.control && !process.silent) fds.push_back({process.control.get(), POLLIN, 0});
  }
}

void GroupSupervisor::read_packets() {
  for (Process& process : processes_) {
    // One that talks without end must not keep the supervisor from the others.
    for (int i = 0; process.control && i < kMostPackets; ++i) {
      bool closed = false;
      const auto packet = receive_packet(process.control.get(), closed);
      process.silent = process.silent || closed;
      if (!packet) break;
      handle(process, *packet);
    }
  }
}

bool GroupSupervisor::reap(pid_t pid, int status, const rusage& usage) {
  const auto process = std::find_if(processes_.begin(), processes_.end(),
                                    [pid](const Process& p) { return p.pid == pid; });
  if (process == processes_.end()) return false;
  report(*process, status, usage.ru_maxrss);
  clear_slot(*process);
  plan_after_death(*process, status);
  processes_.erase(process);
  view_.announce_change();
  return true;
}

void GroupSupervisor::evict_all() {
  for (Process& process : processes_) retire(process, Reason::eviction);
}

void GroupSupervisor::end(Reason reason, Nanos now) {
  ending_ = true;
  for (Process& process : processes_) {
    if (reason == Reason::shutdown) {
      stop(process, reason, now);
    } else if (process.phase != Phase::draining && process.phase != Phase::stopping) {
      send_off(process, reason, limits_.graceful_timeout, now);
    }
  }
}

void GroupSupervisor::end_service(Nanos now) {
  if (group_.is_service()) end(Reason::graceful_restart, now);
}

void GroupSupervisor::forget() {
  for (Process& process : processes_) {
    process.control.reset();
    process.crash_report.reset();
  }
  for (std::size_t slot = 0; slot < view_.slots.size(); ++slot) {
    endpoints_.receiver(index_, slot).reset();
  }
}

std::ptrdiff_t GroupSupervisor::count(std::initializer_list<Phase> phases) const {
  return std::count_if(processes_.begin(), processes_.end(), [&](const Process& process) {
    return std::find(phases.begin(), phases.end(), process.phase) != phases.end();
  });
}

// --- a process's life ----------------------------------------------------------------------------

void GroupSupervisor::start(Nanos now) {
  const auto free = std::find_if(view_.slots.begin(), view_.slots.end(), [](const Slot& slot) {
    return slot.state.load() == SlotState::empty;
  });
  if (free == view_.slots.end()) return wait_for_slot(now);
  full_since_ = 0;
  Process process;
  process.started = now;
  process.slot = static_cast<std::size_t>(free - view_.slots.begin());
  process.incarnation = prepare(*free, process.slot, now);
  process.code = free->code.load();
  process.deadline = after(now, limits_.startup_timeout);
  process.scripts = scripts_.as_they_are();
  process.scripts_given = scripts_.all().size();
  base::UniqueFd other;
  try {
    std::tie(process.control, other) = socket_pair(SOCK_SEQPACKET);
  } catch (const std::system_error& error) {
    return not_started(*free, error.what(), now);
  }
  process.crash_report.reset(::memfd_create("brine crash report", MFD_CLOEXEC));
  process.pid = ::fork();
  if (process.pid == 0) become_worker(process, std::move(other));
  if (process.pid < 0) return not_started(*free, std::strerror(errno), now);
  fork_refused_ = false;
  free->pid.store(process.pid);
  log_.log(Level::info, "started process " + std::to_string(process.pid) + " of daemon group '" +
                            group_.name + "'");
  processes_.push_back(std::move(process));
}

void GroupSupervisor::not_started(Slot& slot, const std::string& why, Nanos now) {
  log_.log(Level::error,
           "BRINE0616: no process could be forked for daemon group '" + group_.name + "': " + why);
  slot.state.store(SlotState::empty);
  fork_refused_ = true;
  not_before_ = now + back_off(++failures_, 0);
}

std::uint32_t GroupSupervisor::prepare(Slot& slot, std::size_t index, Nanos now) const {
  const std::uint32_t incarnation = move_in(slot);
  slot.started.store(now);
  slot.served.store(0);
  slot.activity.store(now);
  slot.gil_touched.store(0);
  slot.code.store(view_.board->code.load());
  for (ThreadRecord& record : view_.threads_of(index)) record.since.store(0);
  slot.state.store(SlotState::starting);
  return incarnation;
}

// In the new process: keeps what belongs to it, and nothing else.
void GroupSupervisor::become_worker(Process& own, base::UniqueFd control) {
  WorkerContext context{group_,
                        view_,
                        own.slot,
                        own.incarnation,
                        own.code,
                        scripts_.all(),
                        std::move(endpoints_.receiver(index_, own.slot)),
                        std::move(control),
                        std::move(endpoints_.generation()),
                        std::move(own.crash_report)};
  own.control.reset();
  endpoints_.configuration().reset();
  close_others_();
  endpoints_.scoreboard().keep_only(index_);
  run_worker(std::move(context), host_);
}

void GroupSupervisor::ready(Process& process, bool scripts_loaded) {
  if (process.phase != Phase::starting) return;
  if (!scripts_loaded) {
    view_.count(Counter::load_failures);
    if (others_have_more(process)) return discard(process);
  }
  note_lacking(process);
  retry_at_ = 0;
  retries_ = 0;
  scripts_.note_success();
  // It was given up too early.
  std::atomic<std::uint32_t>& failed = view_.board->failed_code;
  if (failed.load() >= process.code) failed.store(process.code - 1);
  process.phase = Phase::serving;
  process.deadline = 0;
  process.ready_at = base::now();
  note_fresh_memory(process);
  Slot& slot = view_.slots[process.slot];
  slot.state.store(SlotState::ready, std::memory_order_release);
  open(slot, process.incarnation);
  view_.announce_change();
  for (std::size_t i = process.scripts_given; i < scripts_.all().size(); ++i) {
    send_packet(process.control.get(), {Message::load, 0, pack(scripts_.all()[i])});
  }
  proven_code_ = std::max(proven_code_, process.code);
  for (Process& other : processes_) {
    if (other.code < process.code) retire(other, Reason::reload);
  }
  if (process.code < view_.board->code.load()) retire(process, Reason::reload);
}

void GroupSupervisor::note_fresh_memory(Process& process) {
  if (limits_.memory_recycle == 0) return;
  process.fresh_resident = resident_bytes(process.pid);
  if (process.fresh_resident <= limits_.memory_recycle || memory_warned_) return;
  memory_warned_ = true;
  log_.log(Level::warning, "BRINE0619: a fresh process of daemon group '" + group_.name + "' has " +
                               std::to_string(process.fresh_resident >> 20) +
                               " MiB resident already, more than memory-recycle; it will be "
                               "replaced when it has grown by a quarter");
}

// It serves until its successor is ready.
void GroupSupervisor::retire(Process& process, Reason reason) {
  if (process.phase != Phase::serving) return;
  view_.count(counter_of(reason));
  process.phase = Phase::retiring;
  process.reason = reason;
}

void GroupSupervisor::drain(Process& process, Reason reason, Duration time, Nanos now) {
  if (process.reason == Reason::none) process.reason = reason;
  process.phase = Phase::draining;
  process.deadline = after(now, time);
  close(view_.slots[process.slot]);
  if (process.control) {
    send_packet(process.control.get(),
                {Message::drain, static_cast<std::uint8_t>(process.reason), {}});
  }
}

// It is to go in peace. A service has no requests that it could end before.
void GroupSupervisor::send_off(Process& process, Reason reason, Duration time, Nanos now) {
  if (group_.is_service()) return stop(process, reason, now);
  drain(process, reason, time, now);
}

void GroupSupervisor::stop(Process& process, Reason reason, Nanos now) {
  if (process.phase == Phase::stopping) return;
  if (process.reason == Reason::none) process.reason = reason;
  process.phase = Phase::stopping;
  process.deadline = after(now, limits_.shutdown_timeout);
  close(view_.slots[process.slot]);
  if (process.control) {
    send_packet(process.control.get(),
                {Message::stop, static_cast<std::uint8_t>(process.reason), {}});
  } else {
    send_signal(process, SIGTERM);
  }
}

// It cannot be asked to go: its stack is all that it can still give.
void GroupSupervisor::abort(Process& process, Reason reason, Nanos now) {
  process.reason = reason;
  view_.count(counter_of(reason));
  close(view_.slots[process.slot]);
  process.phase = Phase::stopping;
  process.deadline = now + kLastWords;
  send_signal(process, SIGABRT);
}

// Of an orphan the slot says who it is, which the group's processes can write to: only one of their
// own user gets a signal.
void GroupSupervisor::send_signal(const Process& process, int number) const {
  if (!process.orphan() || runs_as(process.pid, group_.identity.uid)) ::kill(process.pid, number);
}

// --- what a process says -------------------------------------------------------------------------

void GroupSupervisor::handle(Process& process, const Packet& packet) {
  switch (packet.message) {
    case Message::ready:
      return ready(process, packet.number != 0);
    case Message::loaded:
      return script_loaded(process, packet.text);
    case Message::changed:
      return script_changed(process, packet.text);
    case Message::script_failed:
      if (process.phase == Phase::starting) {
        if (scripts_.knows(packet.text)) {
          process.failed_scripts[packet.text] = process.scripts[packet.text];
        }
        // A service ends, or goes on. A script that is not known has no last good code, and is
        // loaded by the process that is asked for it.
      } else if (process.failed_scripts.contains(packet.text)) {
        // It has never had it, and nobody else is better: a change of the file is waited for.
      } else if (retry_at_ == 0 && !group_.is_service() && scripts_.knows(packet.text)) {
        scripts_.note_failure(scripts_.as_they_are());
        plan_retry();
      }
      return;
    case Message::retire:
      if (packet.number < static_cast<std::uint8_t>(Reason::count_)) {
        told_to_retire(process, static_cast<Reason>(packet.number));
      }
      return;
    case Message::load:
    case Message::code_failed:
    case Message::drain:
    case Message::stop:
      return;  // never from a process
  }
}

void GroupSupervisor::told_to_retire(Process& process, Reason reason) {
  if (reason == Reason::shutdown) {
    view_.count(Counter::restarts);
    return stop(process, reason, base::now());
  }
  if (reason == Reason::finished) {
    process.reason = reason;
    process.phase = Phase::stopping;
    process.deadline = after(base::now(), limits_.shutdown_timeout);
    return wait_longer(process, 0);
  }
  if (reason == Reason::descriptors) {  // its successor may come to the same, as soon
    const bool young = base::now() - process.ready_at < kLongLife;
    exhausted_ = young ? exhausted_ + 1 : 1;
    not_before_ = std::max(not_before_, base::now() + back_off(exhausted_, 1));
  }
  // New code may fail, which is no reason to stay for this one.
  if (process.phase == Phase::retiring && process.reason == Reason::reload) process.reason = reason;
  retire(process, reason);
}

// --- what time brings ----------------------------------------------------------------------------

void GroupSupervisor::examine(Process& process, Nanos now) {
  const bool late = process.deadline != 0 && now >= process.deadline;
  switch (process.phase) {
    case Phase::starting:
      if (!process.overdue && is_overdue(process, now)) note_overdue(process);
      if (!late) return;
      abort(process, Reason::startup_timeout, now);
      if (!blame_code(process)) wait_longer(process, 1);
      return;
    case Phase::serving:
    case Phase::retiring:
      return examine_serving(process, now);
    case Phase::draining:
      if (view_.slots[process.slot].state.load() == SlotState::leaving) {
        process.phase = Phase::stopping;
        process.deadline = after(now, limits_.shutdown_timeout);
        return;
      }
      if (is_deadlocked(process, now)) return abort(process, Reason::deadlock_timeout, now);
      if (!late) return;
      view_.count(Counter::graceful_timeout);
      return stop(process, process.reason, now);
    case Phase::stopping:
      if (!late) return;
      view_.count(Counter::shutdown_timeout);
      process.timed_out = true;
      process.deadline = 0;
      send_signal(process, SIGKILL);
      return;
  }
}

Vitals GroupSupervisor::vitals(const Process& process) const {
  const Slot& slot = view_.slots[process.slot];
  std::uint64_t resident = limits_.memory_recycle != 0 ? resident_bytes(process.pid) : 0;
  // Else a limit below what a fresh process needs would replace processes without end.
  if (resident <= process.fresh_resident / 4 * 5) resident = 0;
  return {process.ready_at,
          slot.activity.load(),
          slot.gil_touched.load(),
          slot.served.load(),
          gate_of(slot.gate.load()).in_flight,
          resident};
}

bool GroupSupervisor::is_deadlocked(const Process& process, Nanos now) const {
  Limits only;
  only.deadlock_timeout = limits_.deadlock_timeout;
  return verdict(only, vitals(process), now) == Reason::deadlock_timeout;
}

void GroupSupervisor::examine_serving(Process& process, Nanos now) {
  if (process.orphan()) return;
  const Reason reason = verdict(limits_, vitals(process), now);
  if (reason == Reason::deadlock_timeout) return abort(process, reason, now);
  if (reason != Reason::none) retire(process, reason);
}

void GroupSupervisor::start_missing(Nanos now) {
  if (now < not_before_) {
    // Whoever mends what kept a process from starting need not wait for the next attempt.
    if (fork_refused_ || !scripts_.changed_since_failure()) return;
    not_before_ = 0;
  }
  // Who is missing would come no further than the process with this code did that was discarded.
  const bool hopeless =
      full_since_ == 0 && view_.board->failed_code.load() >= view_.board->code.load();
  if (hopeless && count({Phase::serving, Phase::retiring}) != 0) return;
  auto missing = group_.processes - count({Phase::starting, Phase::serving});
  // Two of a service could do the same work twice: its successor waits for its end.
  if (group_.is_service()) missing = group_.processes - std::ssize(processes_);
  // One goes ahead where others serve and nobody knows whether the new code loads.
  if (proven_code_ < view_.board->code.load() && count({Phase::serving, Phase::retiring}) != 0) {
    missing = std::min<std::ptrdiff_t>(missing, 1 - count({Phase::starting}));
  }
  for (; missing > 0 && now >= not_before_; --missing) start(now);
}

// Old processes go as new ones are ready: never are there fewer than the group has to have. Those
// of a service go first.
void GroupSupervisor::drain_replaced(Nanos now) {
  auto serving = count({Phase::serving, Phase::retiring});
  const auto needed = group_.is_service() ? 0 : group_.processes;
  for (Process& process : processes_) {
    if (serving <= needed) return;
    if (process.phase != Phase::retiring) continue;
    const Duration time =
        process.reason == Reason::eviction ? eviction_time(limits_) : limits_.graceful_timeout;
    send_off(process, process.reason, time, now);
    --serving;
  }
}

Nanos GroupSupervisor::next_look(Nanos now) const {
  Nanos next = now + base::kTick;
  const auto consider = [&](Nanos time) {
    if (time != 0 && time < next) next = std::max(time, now);
  };
  const auto consider_later = [&](Duration limit, Nanos since) {
    const Nanos time = since + base::nanos(limit) + 1;
    if (limit.count() != 0 && since != 0 && time > now) consider(time);
  };
  for (const Process& process : processes_) {
    consider(process.deadline);
    if (process.phase == Phase::starting || process.phase == Phase::stopping) continue;
    const Slot& slot = view_.slots[process.slot];
    consider_later(limits_.deadlock_timeout, slot.gil_touched.load());
    if (process.phase != Phase::serving) continue;
    consider_later(limits_.restart_interval, process.ready_at);
    consider_later(limits_.inactivity_timeout, std::max(slot.activity.load(), process.ready_at));
  }
  if (!ending_) consider(retry_at_);
  if (!ending_) consider(load_at_);
  if (!ending_ && not_before_ > now) consider(not_before_);
  return next;
}

// --- the end -------------------------------------------------------------------------------------

void GroupSupervisor::report(const Process& process, int status, long peak_kib) const {
  const ExitReport exit_report = exit_report_of(process, group_.name, view_, status, peak_kib);
  log_.log(is_orderly(exit_report) ? Level::info : Level::error,
           "BRINE0610: " + describe(exit_report));
}

void GroupSupervisor::clear_slot(const Process& process) {
  Slot& slot = view_.slots[process.slot];
  move_in(slot);  // from here on everybody sees that it is another one
  slot.pid.store(0);
  // Connections that it has not taken: whoever waits at their other end goes elsewhere.
  while (take_socket(endpoints_.receiver(index_, process.slot).get())) {
  }
  slot.state.store(SlotState::empty, std::memory_order_release);
}

void GroupSupervisor::plan_after_death(const Process& process, int status) {
  const bool told = process.reason != Reason::none;
  if (!told) view_.count(Counter::deaths);
  const bool was_ready = process.ready_at != 0;
  // Somebody may kill a process once by hand, or the kernel does; twice is no accident.
  const bool accident =
      WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && failures_ == 0 && !process.overdue;
  if (!told && !was_ready && !accident && blame_code(process)) return;
  if (!told && WIFEXITED(status) && !was_ready) {  // it cannot even start
    wait_longer(process, 0);
  } else if (!told) {
    wait_longer(process, was_ready ? kFreeCrashes : 1);
  } else if (was_of_use(process)) {
    failures_ = 0;
  }
}

// A crash costs the next process no time if this one was of use: it takes a request to crash it
// again. (The slot keeps its counters until it is taken anew.)
bool GroupSupervisor::was_of_use(const Process& process) const {
  return process.ready_at != 0 && (view_.slots[process.slot].served.load() != 0 ||
                                   base::now() - process.ready_at > kLongLife);
}

// Nothing that ends by itself may become a loop of starts.
void GroupSupervisor::wait_longer(const Process& process, unsigned free_of_charge) {
  failures_ = was_of_use(process) ? 0 : failures_ + 1;
  not_before_ = base::now() + back_off(std::max(failures_, 1U), free_of_charge);
}

// --- what a supervisor that died has left --------------------------------------------------------

void GroupSupervisor::adopt_orphans() {
  for (std::size_t i = 0; i < view_.slots.size(); ++i) {
    const Slot& slot = view_.slots[i];
    if (slot.state.load() == SlotState::empty) continue;
    Process process;
    process.slot = i;
    process.pid = slot.pid.load();
    process.incarnation = gate_of(slot.gate.load()).incarnation;
    process.code = slot.code.load();
    process.reason = Reason::eviction;
    for (const Script& script : scripts_.all()) {
      if (view_.board->broken.lacking(script.path)) process.failed_scripts[script.path] = 0;
    }
    if (slot.state.load() == SlotState::ready) {
      process.phase = Phase::retiring;
    } else {
      drain(process, process.reason, limits_.graceful_timeout, base::now());
    }
    processes_.push_back(std::move(process));
  }
}

void GroupSupervisor::look_for_orphans() {
  for (auto process = processes_.begin(); process != processes_.end();) {
    const bool gone = process->orphan() && (process->pid <= 0 || has_ended(process->pid));
    if (!gone) {
      ++process;
      continue;
    }
    report(*process, 0, 0);
    clear_slot(*process);
    process = processes_.erase(process);
    view_.announce_change();
  }
}

}  // namespace brine::daemon

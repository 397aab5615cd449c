#include "daemon/supervisor/group_supervisor.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <system_error>
#include <tuple>

#include "daemon/shared/channel.hpp"
#include "daemon/shared/log_channel.hpp"
#include "daemon/supervisor/exec_worker.hpp"
#include "daemon/supervisor/policy.hpp"

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

// Of so many processes that have ended it is read what their children log.
constexpr std::size_t kMostOldReaders = 64;

// A process waits so long for the supervisor to take a log record; then the record is lost.
constexpr Duration kLogPatience{1000};

Nanos after(Nanos now, Duration time) { return time.count() == 0 ? 0 : now + base::nanos(time); }

}  // namespace

GroupSupervisor::GroupSupervisor(std::size_t index, Endpoints& endpoints, Host& host)
    : index_(index),
      endpoints_(endpoints),
      host_(host),
      group_(*endpoints.groups()[index]),
      limits_(group_.limits),
      view_(endpoints.scoreboard().group(index)),
      log_(host.log(group_)),
      output_(group_.identity.uid),
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
    if (process.records) fds.push_back({process.records->fd(), POLLIN, 0});
  }
  for (const RecordReader& records : old_records_) fds.push_back({records.fd(), POLLIN, 0});
  fds.push_back({output_.reader(), POLLIN, 0});
}

void GroupSupervisor::read_all(Nanos now) {
  output_.read(log_, output_budget_, now);
  old_records_.remove_if(
      [&](RecordReader& records) { return !records.read(log_, output_budget_, now); });
  for (Process& process : processes_) {
    // Before its words: when it says that it is ready, what it has logged until then is written.
    read_records(process, now);
    // One that talks without end must not keep the supervisor from the others.
    for (int i = 0; process.control && i < kMostPackets; ++i) {
      bool closed = false;
      const auto packet = receive_packet(process.control.get(), closed);
      process.silent = process.silent || closed;
      if (!packet) break;
      handle(process, *packet);
    }
  }
  tell_of_flood(output_budget_, "its processes and their programs", now);
}

void GroupSupervisor::read_records(Process& process, Nanos now) {
  if (process.records && !process.records->read(log_, process.log_budget, now)) {
    process.records.reset();
  }
  tell_of_flood(process.log_budget, "process " + std::to_string(process.pid), now);
}

// What the process has forked goes on logging, perhaps for long.
void GroupSupervisor::keep_reader(Process& process) {
  if (!process.records) return;
  if (old_records_.size() >= kMostOldReaders) old_records_.pop_front();
  old_records_.push_back(std::move(*process.records));
}

void GroupSupervisor::tell_of_flood(LogBudget& budget, const std::string& writer, Nanos now) {
  const std::uint64_t left_out = budget.take_left_out(now);
  if (left_out == 0) return;
  log_.log(Level::warning, "BRINE0642: " + std::to_string(left_out) +
                               " log records of daemon group '" + group_.name +
                               "' were left out: " + writer + " wrote more than " +
                               std::to_string(LogBudget::kPerSecond) + " a second");
}

void GroupSupervisor::hear(Introduced introduced) {
  const Introduction& introduction = introduced.introduction;
  if (introduction.script) {
    scripts_.note_asked(*introduction.script);
  } else if (introduction.slot < view_.slots.size()) {
    pass_on(introduction, introduced.connection);
  }
}

// A connection that cannot be passed on is closed: its request goes elsewhere, and is counted out.
void GroupSupervisor::pass_on(const Introduction& introduction, const base::UniqueFd& connection) {
  const auto process =
      std::find_if(processes_.begin(), processes_.end(), [&](const Process& other) {
        return other.slot == introduction.slot && other.incarnation == introduction.incarnation;
      });
  const bool passed = process != processes_.end() && process->connections && connection &&
                      pass_connection(process->connections.get(), connection.get());
  if (!passed) leave(view_.memory_of(introduction.slot), introduction.incarnation);
}

bool GroupSupervisor::reap(pid_t pid, int status, const rusage& usage) {
  const auto process = std::find_if(processes_.begin(), processes_.end(),
                                    [pid](const Process& p) { return p.pid == pid; });
  if (process == processes_.end()) return false;
  read_records(*process, base::now());
  keep_reader(*process);
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
  try {
    const std::optional<Program> program = host_.program(group_);
    if (!program) return not_started(*free, "", now);
    fork_worker(process, *program);
  } catch (const std::system_error& error) {
    return not_started(*free, error.what(), now);
  }
  fork_refused_ = false;
  process.records->set_process(process.pid);
  free->pid.store(process.pid);
  log_.log(Level::info, "started process " + std::to_string(process.pid) + " of daemon group '" +
                            group_.name + "'");
  processes_.push_back(std::move(process));
}

/// A new process's ends, which the supervisor closes when it has forked.
struct GroupSupervisor::Launch {
  base::UniqueFd control;
  base::UniqueFd connections;
  base::UniqueFd log;
};

GroupSupervisor::Launch GroupSupervisor::prepare_launch(Process& process) const {
  Launch launch;
  base::UniqueFd records;
  std::tie(process.control, launch.control) = socket_pair(SOCK_SEQPACKET);
  std::tie(process.connections, launch.connections) = socket_pair(SOCK_SEQPACKET);
  std::tie(records, launch.log) = socket_pair(SOCK_SEQPACKET);
  set_socket_times(launch.log.get(), Duration(0), kLogPatience);
  process.records.emplace(std::move(records));
  process.crash_report.reset(::memfd_create("brine crash report", MFD_CLOEXEC));
  if (!process.crash_report) {
    throw std::system_error(errno, std::generic_category(), "memfd_create");
  }
  return launch;
}

Handover GroupSupervisor::handover_of(const Process& process, const Program& program) const {
  Handover handover;
  handover.group = group_;
  handover.engine = host_.engine_config(group_);
  handover.engine.crash_fd = kCrashFd;
  handover.engine_path = program.engine_path;
  handover.process_name = program.process_name;
  handover.log_level = static_cast<std::uint64_t>(host_.log_level(group_));
  handover.slot = static_cast<std::uint32_t>(process.slot);
  handover.incarnation = process.incarnation;
  handover.code = process.code;
  handover.scripts = scripts_.all();
  return handover;
}

// Throws std::system_error: it could not be forked.
void GroupSupervisor::fork_worker(Process& process, const Program& program) {
  const Launch launch = prepare_launch(process);
  const base::UniqueFd handover = sealed_memory(encode(handover_of(process, program)));
  std::array<int, kEndOfFds> fds{};
  fds[STDIN_FILENO] = program.at_terminal ? STDIN_FILENO : -1;
  fds[STDOUT_FILENO] = program.at_terminal ? STDOUT_FILENO : output_.writer();
  fds[STDERR_FILENO] = output_.writer();
  fds[kControlFd] = launch.control.get();
  fds[kHandoverFd] = handover.get();
  fds[kConnectionsFd] = launch.connections.get();
  fds[kSlotFd] = endpoints_.scoreboard().memory_file(index_);
  fds[kLogFd] = launch.log.get();
  fds[kCrashFd] = process.crash_report.get();
  fds[kEngineFd] = program.engine;
  process.pid = ::fork();
  if (process.pid == 0) exec_worker(program, fds, kExitCannotStart);
  if (process.pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
}

// `why` is empty where the reason has been logged.
void GroupSupervisor::not_started(Slot& slot, const std::string& why, Nanos now) {
  if (!why.empty()) {
    log_.log(Level::error, "BRINE0616: no process could be forked for daemon group '" +
                               group_.name + "': " + why);
  }
  slot.state.store(SlotState::empty);
  fork_refused_ = true;
  not_before_ = now + back_off(++failures_, 0);
}

std::uint32_t GroupSupervisor::prepare(Slot& slot, std::size_t index, Nanos now) const {
  SlotMemory& memory = view_.memory_of(index);
  const std::uint32_t incarnation = move_in(slot, memory);
  slot.started.store(now);
  memory.served.store(0);
  memory.activity.store(now);
  memory.gil_touched.store(0);
  slot.code.store(view_.board->code.load());
  for (ThreadRecord& record : view_.threads_of(index)) record.since.store(0);
  slot.state.store(SlotState::starting);
  return incarnation;
}

void GroupSupervisor::ready(Process& process, bool scripts_loaded) {
  if (process.phase != Phase::starting) return;
  if (!scripts_loaded) {
    view_.count(Counter::load_failures);
    if (others_have_more(process)) return discard(process);
  }
  note_lacking(process);
  for (const auto& [script, version] : process.scripts) {
    if (!process.failed_scripts.contains(script)) view_.board->broken.forget(script);
  }
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
  open(slot, view_.memory_of(process.slot));
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
  close(view_.memory_of(process.slot));
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
  close(view_.memory_of(process.slot));
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
  close(view_.memory_of(process.slot));
  process.phase = Phase::stopping;
  process.deadline = now + kLastWords;
  send_signal(process, SIGABRT);
}

// An orphan is no child of this process: it may have ended, and its number be another process's.
// Only one of the group's user gets a signal.
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
      if (const auto failure = unpack_failure(packet.text)) script_failed(process, *failure);
      return;
    case Message::leaving:
      return is_leaving(process);
    case Message::retire:
      if (packet.number < static_cast<std::uint8_t>(Reason::count_)) {
        told_to_retire(process, static_cast<Reason>(packet.number));
      }
      return;
    case Message::load:
    case Message::code_failed:
    case Message::drain:
    case Message::stop:
    case Message::count_:
      return;  // never from a process
  }
}

void GroupSupervisor::script_failed(Process& process, const ScriptFailure& failure) {
  if (!failure.records.empty()) tell_of_failure(process, failure);
  if (process.phase == Phase::starting) {
    if (scripts_.knows(failure.path)) {
      process.failed_scripts[failure.path] = process.scripts[failure.path];
    }
    // A service ends, or goes on. A script that is not known has no last good code, and is loaded
    // by the process that is asked for it.
  } else if (process.failed_scripts.contains(failure.path)) {
    // It has never had it, and nobody else is better: a change of the file is waited for.
  } else if (retry_at_ == 0 && !group_.is_service() && scripts_.knows(failure.path)) {
    scripts_.note_failure(scripts_.as_they_are());
    plan_retry();
  }
}

// That a script does not load is said once for each version of it, whichever of the group's
// processes comes first; what is no news is for whoever wants to know (LogLevel info).
void GroupSupervisor::tell_of_failure(const Process& process, const ScriptFailure& failure) {
  const bool news = scripts_.knows(failure.path) &&
                    view_.board->broken.first_to_tell(failure.path, failure.version);
  const Level level = news ? Level::error : Level::info;
  for (const std::string& record : failure.records) {
    log_.log(level, marked(with_process(record, process.pid)));
  }
}

void GroupSupervisor::is_leaving(Process& process) {
  view_.slots[process.slot].state.store(SlotState::leaving);
  if (process.phase != Phase::draining) return;
  process.phase = Phase::stopping;
  process.deadline = after(base::now(), limits_.shutdown_timeout);
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
  const SlotReading reading = read_slot(view_.memory_of(process.slot), base::now());
  std::uint64_t resident = limits_.memory_recycle != 0 ? resident_bytes(process.pid) : 0;
  // Else a limit below what a fresh process needs would replace processes without end.
  if (resident <= process.fresh_resident / 4 * 5) resident = 0;
  return {process.ready_at, reading.activity,  reading.gil_touched,
          reading.served,   reading.in_flight, resident};
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
    const SlotReading reading = read_slot(view_.memory_of(process.slot), now);
    consider_later(limits_.deadlock_timeout, reading.gil_touched);
    if (process.phase != Phase::serving) continue;
    consider_later(limits_.restart_interval, process.ready_at);
    consider_later(limits_.inactivity_timeout, std::max(reading.activity, process.ready_at));
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
  // From here on everybody sees that it is another one.
  move_in(slot, view_.memory_of(process.slot));
  slot.pid.store(0);
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
  return process.ready_at != 0 &&
         (read_slot(view_.memory_of(process.slot), base::now()).served != 0 ||
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
    process.incarnation = slot.incarnation.load();
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

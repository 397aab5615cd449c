#include "daemon/supervisor/group_supervisor.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <system_error>
#include <utility>

#include "daemon/shared/log_channel.hpp"
#include "daemon/supervisor/launch.hpp"
#include "daemon/supervisor/policy.hpp"
#include "daemon/supervisor/recycling.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// A process that lived for at least this long before it died does not delay the next start.
constexpr Nanos kLongLife = 10 * base::kSecond;

// At most this many packets of a process are read before the other processes have their turn.
constexpr int kMostPackets = 64;

void add_channels(const Process& process, std::vector<pollfd>& fds) {
  if (process.control && !process.silent) fds.push_back({process.control.get(), POLLIN, 0});
  // Those of a process that has not been forked are not read, so nothing may wake the supervisor.
  if (process.records && process.birth == Birth::done) {
    fds.push_back({process.records->fd(), POLLIN, 0});
  }
}

}  // namespace

GroupSupervisor::GroupSupervisor(std::size_t index, Endpoints& endpoints, Host& host)
    : index_(index),
      endpoints_(endpoints),
      host_(host),
      group_(*endpoints.groups()[index]),
      limits_(group_.limits),
      view_(endpoints.scoreboard().group(index)),
      log_(host.log(group_)),
      group_log_(group_, log_),
      scripts_(group_.scripts),
      look_(group_),
      rollout_(view_.board->code.load(), view_.board->failed_code.load()),
      size_(group_, static_cast<std::ptrdiff_t>(view_.numbers->wanted.load()), base::now()) {
  publish();
  adopt_orphans();
}

void GroupSupervisor::tend(Nanos now) {
  look_for_orphans();
  tend_templates(now);
  for (Process& process : processes_) examine(process, now);
  look_at_scripts(now);
  if (!ending_) {
    if (end_stuck_starts() || rollout_.retry_is_due(now) || lacking_changed()) {
      ask_for_new_code();
    }
    load_lacking(now);
  }
  resize(now);
  count_missing(now);
  if (lacks_template(now)) start_spare_template(now);
  drain_replaced();
  show_processes(now);
}

void GroupSupervisor::add_to(std::vector<pollfd>& fds) const {
  for (const Process& process : processes_) {
    add_channels(process, fds);
  }
  for (const Template& each : templates_) add_channels(each.process, fds);
  if (look_.fd() >= 0) fds.push_back({look_.fd(), POLLIN, 0});
  group_log_.add_to(fds);
}

void GroupSupervisor::read_all(Nanos now) {
  group_log_.read(now);
  for (Template& each : templates_) read(each.process, each, now);
  read_births(now);
  for (Process& process : processes_) {
    if (process.birth == Birth::done) read(process, process, now);
  }
}

// Reads what a process has logged and said; `teller` is the process or the template that handles
// it.
template <class Teller>
void GroupSupervisor::read(Process& process, Teller& teller, Nanos now) {
  group_log_.read(process, now);
  // A process that sends packets without end must not keep the supervisor from the others.
  for (int i = 0; process.control && i < kMostPackets; ++i) {
    bool closed = false;
    const auto packet = receive_packet(process.control.get(), closed);
    process.silent = process.silent || closed;
    if (!packet) break;
    // Records are read once more before a packet is handled, so that what a process logged before
    // it said that it is ready is written first.
    group_log_.read(process, now);
    handle(teller, *packet);
  }
}

// One with kNoSlot has woken the supervisor, and resize() now looks at the load.
void GroupSupervisor::hear(Introduced introduced) {
  const Introduction& introduction = introduced.introduction;
  if (introduction.script) {
    scripts_.note_asked(*introduction.script);
  } else if (introduction.slot < view_.slots.size()) {
    pass_on(introduction, introduced.connection);
  }
}

// Closes a connection that cannot be passed on. Its request then goes to another process, so the
// gate counts it out.
void GroupSupervisor::pass_on(const Introduction& introduction, const base::UniqueFd& connection) {
  const auto process =
      std::find_if(processes_.begin(), processes_.end(), [&](const Process& other) {
        return other.slot == introduction.slot && other.incarnation == introduction.incarnation;
      });
  const bool passed = process != processes_.end() && process->connections && connection &&
                      pass_connection(process->connections.get(), connection.get());
  if (!passed) leave(view_.memory_of(introduction.slot), introduction.incarnation);
}

// Reads what a process or template that has ended said last, which may be why it has.
void GroupSupervisor::read_last_words(pid_t pid, Nanos now) {
  for (Template& each : templates_) {
    if (each.process.pid == pid) read(each.process, each, now);
  }
  for (Process& process : processes_) {
    if (process.pid == pid && process.birth == Birth::done) read(process, process, now);
  }
}

void GroupSupervisor::reap(pid_t pid, int status, const rusage& usage) {
  read_last_words(pid, base::now());
  if (reap_template(pid, status, usage)) return;
  const auto process = std::find_if(processes_.begin(), processes_.end(), [pid](const Process& p) {
    return p.pid == pid && !p.is(Phase::ended);
  });
  if (process == processes_.end()) return;
  group_log_.keep_reader(*process);
  count_last_cpu(*process, usage);
  note_end(*process, status, usage.ru_maxrss);
  plan_after_death(*process, status);
  processes_.erase(process);
  view_.announce_change();
}

void GroupSupervisor::evict_all() {
  for (Process& process : processes_) evict(process);
}

// Also asks for new code where the newest had been given up: an eviction asks for fresh processes,
// as far as the scripts load. A template has loaded modules that may have changed.
void GroupSupervisor::evict(Process& process) {
  if (process.is(Phase::serving)) end_templates(Reason::eviction);
  happen(process, Event::replace, Reason::eviction);
  if (rollout_.is_given_up()) ask_for_new_code();
}

void GroupSupervisor::end(Reason reason) {
  ending_ = true;
  end_templates(reason);
  const Event event = reason == Reason::shutdown ? Event::shut_down : Event::dismissed;
  for (Process& process : processes_) happen(process, event, reason);
}

void GroupSupervisor::supersede() {
  superseded_ = true;
  if (group_.is_service()) end(Reason::graceful_restart);
}

Census GroupSupervisor::census() const {
  Census census;
  for (const Process& process : processes_) {
    ++census.all;
    if (process.is(Phase::starting)) ++census.starting;
    if (process.is(Phase::serving)) ++census.serving;
    if (process.is(Phase::retiring)) ++census.retiring;
    if (process.is(Phase::retiring) && can_wait(process.life.reason)) ++census.recycled;
  }
  return census;
}

bool GroupSupervisor::others_serve() const {
  return std::any_of(processes_.begin(), processes_.end(),
                     [](const Process& process) { return process.serves(); });
}

// --- a process's life ----------------------------------------------------------------------------

void GroupSupervisor::happen(Process& process, Event event, Reason reason) {
  const Nanos now = base::now();
  const Transition next = step(process.life, {event, reason}, group_, now);
  const bool goes = !is_going(process.life.phase) && is_going(next.life.phase);
  process.life = next.life;
  if (goes) abort_template(process);
  if (goes) host_.tell(event_of(process, metrics::ProcessEvent::retire));
  for (const Action action : next.actions) act(process, action);
  if (next.count) view_.count(*next.count);
  if (event == Event::ready) process.usage_at = 0;  // what was seen before was of its start
  if (!process.is(Phase::ended)) show(process, now);
}

void GroupSupervisor::act(const Process& process, Action action) {
  Slot& slot = view_.slots[process.slot];
  SlotMemory& memory = view_.memory_of(process.slot);
  const auto reason = static_cast<std::uint8_t>(process.life.reason);
  switch (action) {
    case Action::none:
      return;
    case Action::let_in:
      slot.state.store(SlotState::ready, std::memory_order_release);
      open(slot, memory);
      return view_.announce_change();
    case Action::shut_out:
      close(memory);
      return;
    case Action::send_drain:
      if (process.control) send_packet(process.control.get(), {Message::drain, reason, {}});
      return;
    case Action::send_stop:
      if (!process.control) return send_signal(process, SIGTERM);
      send_packet(process.control.get(), {Message::stop, reason, {}});
      return;
    case Action::show_leaving:
      return slot.state.store(SlotState::leaving);
    case Action::show_keeping:
      slot.state.store(SlotState::keeping, std::memory_order_release);
      return view_.announce_change();
    case Action::ask_stack:
      return send_signal(process, SIGABRT);
    case Action::kill:
      return send_signal(process, SIGKILL);
  }
}

// Returns a slot without a process, or null if there is none.
Slot* GroupSupervisor::free_slot() const {
  const auto free = std::find_if(view_.slots.begin(), view_.slots.end(), [](const Slot& slot) {
    return slot.state.load() == SlotState::empty;
  });
  return free != view_.slots.end() ? &*free : nullptr;
}

void GroupSupervisor::start(Nanos now) {
  Slot* const free = free_slot();
  if (missing_ <= 0 || free == nullptr || !rollout_.may_start(now)) return;
  --missing_;
  rollout_.note_place();
  Process process;
  process.is_grown = growing_ > missing_;
  process.life = begin(limits_, now);
  process.started = now;
  process.slot = static_cast<std::size_t>(free - view_.slots.data());
  process.incarnation = prepare(*free, process.slot, now);
  process.code = free->code.load();
  process.scripts_given = scripts_.all().size();
  process.recycle_at =
      recycle_limits(limits_, started_++, static_cast<std::size_t>(group_.processes),
                     static_cast<std::uint64_t>(base::now()));
  try {
    const std::optional<Program> program = host_.program(group_);
    if (!program) return not_started(*free, "", now);
    if (forks_processes()) {
      wait_for_template(process, *program, now);
    } else {
      execute(process, make_channels(process), *program, handover_of(process, *program));
    }
  } catch (const std::system_error& error) {
    return not_started(*free, error.what(), now);
  }
  rollout_.note_fork();
  free->pid.store(process.pid);
  if (process.birth == Birth::done) note_started(process, now);
  processes_.push_back(std::move(process));
  order_processes(now);
}

// Starts a process as a program of its own. Throws std::system_error.
void GroupSupervisor::execute(Process& process, const FarEnds& far, const Program& program,
                              const Handover& handover) const {
  launch(process, far,
         {program, handover, group_log_.output(), endpoints_.scoreboard().memory_file(index_)});
}

void GroupSupervisor::note_started(Process& process, Nanos now) {
  process.records->set_process(process.pid);
  // The time for which a process has waited for a template is no part of its own start.
  if (process.is(Phase::starting)) process.life.deadline = begin(limits_, now).deadline;
  log_.log(Level::info, "started process " + std::to_string(process.pid) + " of daemon group '" +
                            group_.name + "'");
  hide(process);
  show(process, now);
  host_.tell(event_of(process, metrics::ProcessEvent::start));
}

Handover GroupSupervisor::handover_of(const Process& process, const Program& program) const {
  Handover handover;
  handover.group = group_;
  handover.group.limits = limits_of(process);
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

void GroupSupervisor::tell_not_forked(const std::string& why) const {
  log_.log(Level::error,
           "BRINE0616: no process could be forked for daemon group '" + group_.name + "': " + why);
}

// Frees the slot of a process that could not be started. `why` is empty if the reason has been
// logged.
void GroupSupervisor::not_started(Slot& slot, const std::string& why, Nanos now) {
  if (!why.empty()) tell_not_forked(why);
  slot.state.store(SlotState::empty);
  rollout_.note_refused_fork(now);
}

std::uint32_t GroupSupervisor::prepare(Slot& slot, std::size_t index, Nanos now) const {
  SlotMemory& memory = view_.memory_of(index);
  const std::uint32_t incarnation = move_in(slot, memory);
  slot.started.store(now);
  memory.computing.store(0);
  memory.served.store(0);
  memory.activity.store(now);
  memory.gil_touched.store(0);
  slot.code.store(rollout_.asked());
  for (ThreadRecord& record : view_.threads_of(index)) record.since.store(0);
  slot.state.store(SlotState::starting);
  return incarnation;
}

void GroupSupervisor::ready(Process& process, bool scripts_loaded) {
  if (!process.is(Phase::starting)) return;
  if (!scripts_loaded) view_.count(Counter::load_failures);
  const ScriptVersions kept = scripts_loaded ? ScriptVersions() : had_by_others(process);
  const Attempt attempt = kept.empty() ? Attempt::loaded : judge(merits_of(process));
  const Fate fate = fate_of(attempt, rollout_.beside(process.code, others_serve()));
  if (fate == Fate::rejected) return discard(process);
  if (fate == Fate::serves_beside && !keep(process, kept)) return discard(process);
  note_lacking(process, kept);
  scripts_.note_success();
  serve(process);
}

void GroupSupervisor::serve(Process& process) {
  rollout_.prove(process.code);
  if (process.ordered_at != 0) killed_at_fork_ = 0;
  publish();
  note_fresh_memory(process);
  metrics::LifeEvent ready = event_of(process, metrics::ProcessEvent::ready);
  ready.age = base::now() - process.started;
  host_.tell(ready);  // who sees the process serve finds that it has been told of
  happen(process, Event::ready);
  for (std::size_t i = process.scripts_given; i < scripts_.all().size(); ++i) {
    send_packet(process.control.get(), {Message::load, 0, pack(scripts_.all()[i])});
  }
  for (Process& other : processes_) {
    if (other.code < process.code) happen(other, Event::replace, Reason::reload);
  }
  if (process.code < rollout_.asked()) happen(process, Event::replace, Reason::reload);
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

// Signals an orphan only if its pid still belongs to a process of the group's user: an orphan is no
// child of this process, so it may have ended and the kernel may have given its pid to another.
void GroupSupervisor::send_signal(const Process& process, int number) const {
  if (!process.orphan() || runs_as(process.pid, group_.identity.uid)) ::kill(process.pid, number);
}

// --- what a process says -------------------------------------------------------------------------

void GroupSupervisor::handle(Process& process, const Packet& packet) {
  switch (packet.message) {
    case Message::ready:
      return ready(process, packet.number != 0);
    case Message::seen:
      if (const auto scripts = unpack_versions(packet.text)) scripts_seen(process, *scripts);
      return;
    case Message::loaded:
      return script_loaded(process, packet.text);
    case Message::changed:
      return script_changed(process, packet.text);
    case Message::script_failed:
      if (const auto failure = unpack_failure(packet.text)) script_failed(process, *failure);
      return;
    case Message::leaving:
      return happen(process, Event::leaving);
    case Message::retire:
      if (packet.number < static_cast<std::uint8_t>(Reason::count_)) {
        told_to_retire(process, static_cast<Reason>(packet.number));
      }
      return;
    case Message::forked:
    case Message::unfit:
    case Message::fork_failed:
    case Message::load:
    case Message::code_failed:
    case Message::drain:
    case Message::stop:
    case Message::count_:
      return;  // a daemon process never sends these
  }
}

void GroupSupervisor::scripts_seen(Process& process, const ScriptVersions& scripts) {
  scripts_.note_seen(scripts);
  if (!process.is(Phase::starting)) return;
  for (const auto& [path, version] : scripts) {
    if (scripts_.knows(path)) process.scripts[path] = version;
  }
}

void GroupSupervisor::script_failed(Process& process, const ScriptFailure& failure) {
  if (!failure.records.empty()) tell_of_failure(process, failure);
  if (process.is(Phase::starting)) {
    if (scripts_.knows(failure.path)) {
      process.failed_scripts[failure.path] = failure.version;
    }
    // A starting service ends or goes on by itself. A script that is not known has no last good
    // code, and is loaded by the process that a request for it reaches.
  } else if (process.failed_scripts.contains(failure.path)) {
    // This process never had the script, and no other process is better off: a change of the file
    // is waited for.
  } else if (!rollout_.is_tried_again() && !group_.is_service() && scripts_.knows(failure.path)) {
    scripts_.note_failure(scripts_.as_they_are());
    rollout_.plan_retry(base::now());
  }
}

// Logs each version of a script that does not load once per group as an error, and again only for
// LogLevel info.
void GroupSupervisor::tell_of_failure(const Process& process, const ScriptFailure& failure) {
  const bool news = scripts_.knows(failure.path) &&
                    view_.board->broken.first_to_tell(failure.path, failure.version);
  const Level level = news ? Level::error : Level::info;
  for (const std::string& record : failure.records) {
    log_.log(level, marked(with_process(record, process.pid)));
  }
}

void GroupSupervisor::told_to_retire(Process& process, Reason reason) {
  const Nanos now = base::now();
  if (reason == Reason::shutdown) return happen(process, Event::terminated, reason);
  if (reason == Reason::finished) {
    happen(process, Event::finished, reason);
    return rollout_.note_end_of_service(was_of_use(process), now);
  }
  if (reason == Reason::descriptors) {
    rollout_.note_exhausted(now - process.life.ready_at < kLongLife, now);
  }
  if (reason == Reason::eviction) return evict(process);
  happen(process, Event::replace, reason);
}

// --- what time brings ----------------------------------------------------------------------------

void GroupSupervisor::examine(Process& process, Nanos now) {
  if (process.is(Phase::starting) && !process.overdue &&
      is_overdue(limits_, process.started, now)) {
    note_overdue(process);
  }
  if (process.orphan() && process.serves()) return;
  Vitals seen = vitals(process, now);
  seen.resident = grown_memory(process);
  const auto happening = due(process.life, limits_of(process), seen, now);
  if (!happening) return;
  const bool hung = process.is(Phase::starting);
  happen(process, happening->event, happening->reason);
  if (hung) note_hung(process, now);
}

// Returns the group's limits with those that are the process's own.
Limits GroupSupervisor::limits_of(const Process& process) const {
  Limits limits = limits_;
  limits.maximum_requests = process.recycle_at.maximum_requests;
  limits.restart_interval = process.recycle_at.restart_interval;
  limits.memory_recycle = process.recycle_at.memory_recycle;
  return limits;
}

// Leaves `resident` out: next_look() does not need it, and reading it costs a system call.
Vitals GroupSupervisor::vitals(const Process& process, Nanos now) const {
  const SlotReading reading = read_slot(view_.memory_of(process.slot), now);
  return {process.life.ready_at, reading.activity,  reading.gil_touched,
          reading.served,        reading.in_flight, 0};
}

// Returns the resident bytes if they exceed those of the fresh process by a quarter, else 0. A
// limit below what a fresh process needs would otherwise replace processes without end.
std::uint64_t GroupSupervisor::grown_memory(const Process& process) const {
  if (limits_.memory_recycle == 0 || !process.serves()) return 0;
  const std::uint64_t resident = resident_bytes(process.pid);
  return resident > process.fresh_resident / 4 * 5 ? resident : 0;
}

void GroupSupervisor::count_missing(Nanos now) {
  missing_ = 0;
  if (!ending_) {
    const bool mended = !rollout_.may_start(now) && scripts_.changed_since_failure();
    missing_ = std::max<std::ptrdiff_t>(
        rollout_.missing(group_, size_.wanted(), census(), mended, now), 0);
  }
  if (missing_ != 0 && free_slot() == nullptr) {
    missing_ = 0;
    wait_for_slot(now);
  }
  growing_ = std::min(growing_, missing_);
  if (missing_ == 0) {
    missing_since_ = 0;
  } else if (missing_since_ == 0) {
    missing_since_ = now;
  }
}

std::optional<Claim> GroupSupervisor::claim(Nanos now) {
  if (missing_ == 0) return std::nullopt;
  const Census there = census();
  const bool served = there.starting + there.serving + there.retiring != 0;
  return Claim{index_, missing_, view_.is_awaited(now), served, missing_since_};
}

std::ptrdiff_t GroupSupervisor::places_held(Nanos now) const {
  const auto holds = [now](const Process& process) {
    return process.is(Phase::starting) && process.birth == Birth::done &&
           now - process.started < kLongestHold;
  };
  return std::count_if(processes_.begin(), processes_.end(), holds) +
         std::count_if(templates_.begin(), templates_.end(), [now](const Template& each) {
           return !each.is_ready && !each.is_ended && now - each.process.started < kLongestHold;
         });
}

// Tells requests whether the group stands in line. It does not while a process starts: requests
// then wait for that process and not for the group's turn.
void GroupSupervisor::note_line(Nanos now) {
  const bool in_line = missing_ != 0 && census().starting == 0;
  view_.board->in_line_at.store(in_line ? now : 0, std::memory_order_release);
}

// Drains old processes as new ones become ready, so that the group never has fewer than it needs. A
// service's old processes are drained at once, since a service must not run twice.
void GroupSupervisor::drain_replaced() {
  const Census there = census();
  auto serving = there.serving + there.retiring;
  const auto needed = group_.is_service() ? 0 : size_.wanted();
  for (Process& process : processes_) {
    if (process.is(Phase::keeping) && !is_needed(process)) happen(process, Event::replaced);
    if (serving <= needed || !process.is(Phase::retiring)) continue;
    happen(process, is_needed(process) ? Event::spared : Event::replaced);
    --serving;
  }
}

Nanos GroupSupervisor::next_look(Nanos now) const {
  Nanos next = now + base::kTick;
  const auto consider = [&](Nanos time) {
    if (time != 0 && time < next) next = std::max(time, now);
  };
  for (const Process& process : processes_) {
    consider(due_at(process.life, limits_of(process), vitals(process, now), now));
  }
  if (!ending_) {
    consider(rollout_.next_look(now));
    consider(size_.next_look(now));
  }
  return next;
}

// --- the end -------------------------------------------------------------------------------------

void GroupSupervisor::note_end(Process& process, int status, long peak_kib) {
  const ExitReport exit_report = exit_report_of(process, group_.name, view_, status, peak_kib);
  log_.log(is_orderly(exit_report) ? Level::info : Level::error,
           "BRINE0610: " + describe(exit_report));
  host_.tell(end_of(process, exit_report));
  happen(process, Event::died);
  move_out(process);
}

// Empties the slot of a process that is not there any more, or never was.
void GroupSupervisor::move_out(Process& process) {
  hide(process);
  Slot& slot = view_.slots[process.slot];
  // A new incarnation number tells httpd's children that the process they knew is gone.
  move_in(slot, view_.memory_of(process.slot));
  slot.pid.store(0);
  slot.state.store(SlotState::empty, std::memory_order_release);
}

void GroupSupervisor::plan_after_death(const Process& process, int status) {
  Death death;
  death.code = process.code;
  death.told = process.life.reason != Reason::none;
  death.was_ready = process.life.ready_at != 0;
  death.exited = WIFEXITED(status);
  death.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  death.overdue = process.overdue;
  death.of_use = was_of_use(process);
  if (!death.told) view_.count(Counter::deaths);
  if (!death.told && blames_fork(process, death.killed)) return give_forks_up(process, kEndsEarly);
  const Fate fate = rollout_.note_death(death, others_serve(), base::now());
  if (fate == Fate::rejected) return reject_code(process, tried_by(process));
  if (!death.told && !death.was_ready) scripts_.note_failure(tried_by(process));
}

// Returns true if the process has served a request or lived for long. The slot keeps its counters
// until the next process moves in.
bool GroupSupervisor::was_of_use(const Process& process) const {
  const Nanos ready_at = process.life.ready_at;
  return ready_at != 0 && (read_slot(view_.memory_of(process.slot), base::now()).served != 0 ||
                           base::now() - ready_at > kLongLife);
}

// --- what a dead supervisor has left -------------------------------------------------------------

void GroupSupervisor::adopt_orphans() {
  for (std::size_t i = 0; i < view_.slots.size(); ++i) {
    const Slot& slot = view_.slots[i];
    if (slot.state.load() == SlotState::empty) continue;
    Process process;
    process.slot = i;
    process.pid = slot.pid.load();
    process.incarnation = slot.incarnation.load();
    process.code = slot.code.load();
    process.life.phase = Phase::retiring;
    process.life.reason = Reason::eviction;
    for (const Script& script : scripts_.all()) {
      const std::uint32_t lacking_from = view_.board->broken.lacking_from(script.path);
      const bool lacks = lacking_from != 0 && lacking_from <= process.code;
      if (lacks || view_.board->broken.lacking(script.path)) {
        process.failed_scripts[script.path] = 0;
      }
    }
    if (slot.state.load() != SlotState::ready) happen(process, Event::replaced);
    adopt_row(process);
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
    note_end(*process, 0, 0);
    process = processes_.erase(process);
    view_.announce_change();
  }
}

}  // namespace brine::daemon

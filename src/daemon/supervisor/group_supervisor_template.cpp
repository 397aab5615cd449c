// The part of GroupSupervisor that has the group's processes forked from a template (preload=On).
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

#include "base/request_text.hpp"
#include "daemon/shared/fork_order.hpp"
#include "daemon/supervisor/group_supervisor.hpp"
#include "daemon/supervisor/launch.hpp"
#include "daemon/supervisor/policy.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// A template that has forked no process for this time never will: it is stopped, or a function of
// os.register_at_fork() waits in it. Requests that wait for the process are to get another one. A
// fork that is but slow has the least: threads that are about to end may take one second of it.
Nanos fork_patience(const Limits& limits) {
  constexpr Nanos kLeast = 2 * base::kSecond;
  constexpr Nanos kMost = 30 * base::kSecond;
  const Nanos half = base::nanos(limits.connect_timeout) / 2;
  return half == 0 ? kMost : std::clamp(half, kLeast, kMost);
}

// A template that ends has closed all of its channels within this time.
constexpr Nanos kLastBreath = 500 * base::kMillisecond;

// Returns true if the process `pid` is a child of this one that has not been waited for, so that no
// other process can have that pid.
bool is_own_child(pid_t pid) {
  siginfo_t info{};
  return pid > 0 &&
         ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

bool GroupSupervisor::forks_processes() const {
  return group_.preload && !group_.is_service() && unfit_code_ != rollout_.asked();
}

// Returns the newest template with the newest code, if possible one that is ready; null: none.
Template* GroupSupervisor::usable_template() {
  Template* best = nullptr;
  for (Template& each : templates_) {
    if (each.is_ended || each.is_aborted || each.process.code != rollout_.asked()) continue;
    if (best == nullptr || each.is_ready || !best->is_ready) best = &each;
  }
  return best;
}

// Throws std::system_error.
Template& GroupSupervisor::start_template(Program program, Nanos now) {
  if (!group_.display_name.empty()) program.arguments = {group_.display_name + " template"};
  Template made;
  made.process.code = rollout_.asked();
  made.process.started = now;
  Handover handover = handover_of(made.process, program);
  handover.is_template = true;
  std::erase_if(handover.scripts, [](const Script& script) { return !is_shared(script); });
  made.scripts = handover.scripts.size();
  execute(made.process, make_channels(made.process), program, handover);
  log_.log(Level::info, "started template process " + std::to_string(made.process.pid) +
                            " of daemon group '" + group_.name + "'");
  templates_.push_back(std::move(made));
  tell_of(templates_.back(), metrics::ProcessEvent::start);
  return templates_.back();
}

// Has a process that is to be started wait for the group's template. Throws std::system_error.
void GroupSupervisor::wait_for_template(Process& process, const Program& program, Nanos now) {
  Template* from = usable_template();
  if (from == nullptr) from = &start_template(program, now);
  process.far_ends = make_channels(process);
  process.birth = Birth::waits;
  process.pid = from->process.pid;
  process.template_pid = process.pid;
  scripts_seen(process, from->versions);
}

void GroupSupervisor::tend_templates(Nanos now) {
  for (Process& process : processes_) {
    if (process.is(Phase::ended)) hide(process);
  }
  std::erase_if(processes_, [](const Process& process) { return process.is(Phase::ended); });
  if (!group_.preload) return;
  if (!forks_processes()) return end_templates(Reason::unfit);
  const Template* const used = usable_template();
  bool older = used != nullptr && used->is_ready;
  for (Template& each : templates_) {
    older = older && &each != used;
    const bool idle = is_idle(each, now);
    if (idle) end_template(each, Reason::idle);
    if (older || each.process.code != rollout_.asked()) end_template(each, Reason::reload);
  }
  give_up_hung_templates(now);
  order_processes(now);
}

// Gives up each template that has been asked for a process and does not fork. It forks one process
// after another, so that the time of each begins when the one before it is there.
void GroupSupervisor::give_up_hung_templates(Nanos now) {
  const Nanos patience = fork_patience(limits_);
  for (const Process& process : processes_) {
    Template* const from = template_of(process);
    if (process.birth != Birth::ordered || from == nullptr || from->is_aborted) continue;
    if (now - std::max(process.ordered_at, from->forked_at) >= patience) {
      give_up_waiting(*from, patience);
    }
  }
}

// Ends a template that has not forked the process for which it was asked.
void GroupSupervisor::give_up_waiting(Template& one, Nanos waited) {
  const std::string after = "after " + base::in_seconds(waited);
  if (!is_stopped(one.process.pid)) {
    return note_unfit(one, "a function of os.register_at_fork() has not returned " + after);
  }
  tell_of_loss("is replaced: process " + std::to_string(one.process.pid) +
               " is stopped (SIGSTOP, or a debugger), and has forked no process " + after);
  end_template(one, Reason::unfit);
}

// Returns true if no process has been forked from the template for preload-idle.
bool GroupSupervisor::is_idle(const Template& one, Nanos now) const {
  const Nanos limit = base::nanos(limits_.preload_idle);
  if (limit == 0 || !one.is_ready || now - one.used_at < limit) return false;
  return std::none_of(processes_.begin(), processes_.end(),
                      [&](const Process& process) { return is_of(process, one); });
}

// Returns true if a template is to be started although no process waits for it, so that the next
// one does not have to: there is none, or it lacks scripts that requests have named since.
bool GroupSupervisor::lacks_template(Nanos now) const {
  if (ending_ || missing_ != 0 || limits_.preload_idle.count() != 0) return false;
  if (!forks_processes() || rollout_.is_given_up()) return false;
  if (!others_serve() || census().starting != 0 || now < template_not_before_) return false;
  const auto known = std::count_if(scripts_.all().begin(), scripts_.all().end(), is_shared);
  return std::none_of(templates_.begin(), templates_.end(), [&](const Template& each) {
    return !each.is_ended && !each.is_aborted && each.process.code == rollout_.asked() &&
           (!each.is_ready || each.scripts == static_cast<std::size_t>(known));
  });
}

void GroupSupervisor::start_spare_template(Nanos now) {
  try {
    if (const auto program = host_.program(group_)) {
      start_template(*program, now);
      return;
    }
  } catch (const std::system_error& error) {
    tell_not_forked(error.what());
  }
  template_not_before_ = now + back_off(++template_deaths_, 0);
}

// Orders the processes that wait for a template which is ready.
void GroupSupervisor::order_processes(Nanos now) {
  for (Process& process : processes_) {
    Template* const from = template_of(process);
    if (process.birth != Birth::waits || from == nullptr || !from->is_ready) continue;
    if (from->is_aborted) continue;
    const std::optional<Program> program = host_.program(group_);
    if (!program) {
      not_forked(process, "", now);
      continue;
    }
    try {
      if (order(process, from->process.control.get(), handover_of(process, *program),
                endpoints_.scoreboard().memory_file(index_))) {
        process.ordered_at = now;
        from->used_at = now;
      }
    } catch (const std::system_error& error) {
      note_unfit(*from, std::string("it takes no orders: ") + error.what());
    }
  }
}

// Returns the template that is to fork the process, unless that has been forked.
Template* GroupSupervisor::template_of(const Process& process) {
  if (process.birth == Birth::done || process.is(Phase::ended)) return nullptr;
  const auto found = std::find_if(templates_.begin(), templates_.end(), [&](const Template& each) {
    return !each.is_ended && each.process.pid == process.pid;
  });
  return found != templates_.end() ? &*found : nullptr;
}

// Hears of processes that have been ordered.
void GroupSupervisor::read_births(Nanos now) {
  for (Process& process : processes_) {
    if (process.birth != Birth::ordered || process.is(Phase::ended)) continue;
    bool closed = false;
    if (const auto sender = take_sender(process.control.get(), closed)) {
      born(process, *sender, now);
    } else if (closed) {
      lost(process, now);
    }
  }
}

// Gives a process up whose channel nobody holds any more. If its template is about to end, the
// process ends with it: the kernel closes the channel before it tells of the end.
void GroupSupervisor::lost(Process& process, Nanos now) {
  if (!process.silent) process.lost_at = now;
  process.silent = true;
  if (now - process.lost_at < kLastBreath || is_leaving(process)) return;
  Template* const from = template_of(process);
  if (from != nullptr && ++killed_at_fork_ > 1) return note_unfit(*from, kEndsEarly);
  not_forked(process, "what its template forked has ended before it told of itself", now);
}

// Returns true if the template that has the order for the process has closed its own channel.
bool GroupSupervisor::is_leaving(const Process& process) {
  const Template* const from = template_of(process);
  if (from == nullptr) return false;
  pollfd control{from->process.control.get(), 0, 0};
  return ::poll(&control, 1, 0) > 0 && (control.revents & POLLHUP) != 0;
}

// Takes the process for the one that the kernel says it is, if it can be: it has the group's user,
// it is a child of the supervisor, and it is no other process of the group.
void GroupSupervisor::born(Process& process, const Sender& sender, Nanos now) {
  Template* const from = template_of(process);
  const uid_t user = group_.switches_identity ? group_.identity.uid : ::geteuid();
  const auto has_pid = [&](const Process& other) { return other.pid == sender.pid; };
  const bool known = std::any_of(processes_.begin(), processes_.end(), has_pid) ||
                     std::any_of(templates_.begin(), templates_.end(),
                                 [&](const Template& each) { return has_pid(each.process); });
  if (known || sender.user != user || !is_own_child(sender.pid)) {
    if (from != nullptr) note_unfit(*from, "it passed another process off as one that it forked");
    return;
  }
  if (from != nullptr) {
    from->used_at = now;
    from->forked_at = now;
    template_deaths_ = 0;
  }
  process.birth = Birth::done;
  forget_usage(process);
  process.pid = sender.pid;
  process.started = now;
  view_.slots[process.slot].pid.store(process.pid);
  view_.slots[process.slot].started.store(now);
  note_started(process, now);
}

// Forgets what was seen of the template in the process's place.
void GroupSupervisor::forget_usage(Process& process) {
  process.usage = {};
  process.usage_at = 0;
  process.cpu_counted = 0;
}

// Gives a process up that was not forked. `why` is empty if the reason has been logged.
void GroupSupervisor::not_forked(Process& process, const std::string& why, Nanos now) {
  abandon(process);
  not_started(view_.slots[process.slot], why, now);
}

// Forgets a process that has not been forked.
void GroupSupervisor::abandon(Process& process) {
  move_out(process);
  process.life.phase = Phase::ended;  // tend_templates() takes it out of the list
  view_.announce_change();
}

// Ends a template, which has nothing to lose, and gives up the processes that wait for it. One that
// writes its stacks ends by itself, or by what it hangs in.
void GroupSupervisor::end_template(Template& one, Reason reason) {
  if (one.is_aborted || std::exchange(one.is_ended, true)) return;
  one.process.life.reason = reason;
  tell_of(one, metrics::ProcessEvent::retire);
  ::kill(one.process.pid, SIGKILL);
  for (Process& process : processes_) {
    if (is_of(process, one)) abandon(process);
  }
}

void GroupSupervisor::end_templates(Reason reason) {
  for (Template& each : templates_) end_template(each, reason);
}

// Notes that a process which waits for its template is to be ended, and so is the template, in its
// place and once. Others that wait for the template are given up: each would signal it again, which
// cuts its stacks off, and delay the group's next start.
void GroupSupervisor::abort_template(Process& process) {
  Template* const from = template_of(process);
  if (from == nullptr) return;
  from->is_aborted = true;
  from->process.life.reason = process.life.reason;
  for (Process& other : processes_) {
    if (&other != &process && is_of(other, *from)) abandon(other);
  }
}

bool GroupSupervisor::is_of(const Process& process, const Template& one) {
  return process.birth != Birth::done && !process.is(Phase::ended) &&
         process.pid == one.process.pid;
}

// --- what a template says ------------------------------------------------------------------------

void GroupSupervisor::handle(Template& from, const Packet& packet) {
  if (from.is_ended || from.is_aborted) return;
  const Nanos now = base::now();
  switch (packet.message) {
    case Message::ready:
      killed_at_load_ = 0;
      from.is_ready = true;
      from.used_at = now;
      from.process.life.ready_at = now;
      return tell_of(from, metrics::ProcessEvent::ready);
    case Message::seen:
      if (const auto scripts = unpack_versions(packet.text)) template_saw(from, *scripts);
      return;
    case Message::changed:
      return template_is_old(from, packet.text);
    case Message::unfit:
      return note_unfit(from, packet.number != 0 ? packet.text : std::string());
    case Message::fork_failed:
      for (Process& process : processes_) {
        const bool ordered = process.birth == Birth::ordered && is_of(process, from);
        if (ordered) not_forked(process, packet.text, now);
      }
      return;
    default:
      return;  // a template never sends these
  }
}

void GroupSupervisor::template_saw(Template& from, const ScriptVersions& scripts) {
  scripts_.note_seen(scripts);
  for (const auto& [path, version] : scripts) {
    if (scripts_.knows(path)) from.versions[path] = version;
  }
  for (Process& process : processes_) {
    if (is_of(process, from)) scripts_seen(process, scripts);
  }
}

// Asks for new code since a script is no longer what the template has loaded.
void GroupSupervisor::template_is_old(const Template& from, const std::string& path) {
  const bool changed = rollout_.is_tried_again() && scripts_.changed_since_failure(path);
  if (!scripts_.knows(path) || !rollout_.is_news(from.process.code, changed)) return;
  // A script that changes itself while it is loaded would be loaded without end.
  if (from.forked_at == 0) rollout_.note_refused_fork(base::now());
  take_changed_script(from.process, path);
}

// Starts the processes that wait for this template in the ordinary way, and those with the same
// code that follow. `why` is empty where those that wait will tell themselves what is wrong.
void GroupSupervisor::note_unfit(Template& one, const std::string& why) {
  const Nanos now = base::now();
  unfit_code_ = one.process.code;
  const bool is_awaited = std::any_of(processes_.begin(), processes_.end(),
                                      [&](const Process& process) { return is_of(process, one); });
  if (!why.empty() || !is_awaited) {
    tell_unfit(one.process.pid, why.empty() ? "a script does not load in it" : why);
  }
  for (Process& process : processes_) {
    if (process.birth == Birth::waits && is_of(process, one)) start_alone(process, now);
  }
  end_template(one, why.empty() ? Reason::script_failed : Reason::unfit);
}

void GroupSupervisor::tell_unfit(pid_t pid, const std::string& why) const {
  log_.log(Level::warning, "BRINE0646: the processes of daemon group '" + group_.name +
                               "' are started without preload: their template, process " +
                               std::to_string(pid) + ", cannot be forked: " + why);
}

// Returns true if the fork is what has ended a process that was not ready, or its template in its
// place: a function of os.register_at_fork() exits or crashes, or a library does not survive. One
// SIGKILL may be an operator's or the kernel's.
bool GroupSupervisor::blames_fork(const Process& process, bool killed) {
  if (process.ordered_at == 0 || process.life.ready_at != 0) return false;
  return !killed || ++killed_at_fork_ > 1;
}

// Has the processes with this code be started in the ordinary way from now on, since those that are
// forked do not come to serve. What the code itself is worth, the next one tells.
void GroupSupervisor::give_forks_up(const Process& process, const std::string& why) {
  if (process.code != rollout_.asked() || unfit_code_ == process.code) return;
  tell_unfit(process.template_pid, why);
  // No process is started with code that requests do not wait for: they had passed this one over.
  if (rollout_.is_given_up()) ask_for_new_code();
  unfit_code_ = rollout_.asked();  // it is the same code
  killed_at_fork_ = 0;
}

// Starts a process as a program that has waited for a template.
void GroupSupervisor::start_alone(Process& process, Nanos now) {
  try {
    const std::optional<Program> program = host_.program(group_);
    if (!program) return not_forked(process, "", now);
    const FarEnds far = std::move(process.far_ends);
    execute(process, far, *program, handover_of(process, *program));
    process.birth = Birth::done;
    forget_usage(process);
    view_.slots[process.slot].pid.store(process.pid);
    note_started(process, now);
  } catch (const std::system_error& error) {
    not_forked(process, error.what(), now);
  }
}

// --- the end of a template -----------------------------------------------------------------------

// Handles the end of a template. What waits for it to load the scripts has ended like it.
bool GroupSupervisor::reap_template(pid_t pid, int status, const rusage& usage) {
  const auto ended = std::find_if(templates_.begin(), templates_.end(),
                                  [pid](const Template& each) { return each.process.pid == pid; });
  if (ended == templates_.end()) return false;
  group_log_.keep_reader(ended->process);
  count_last_cpu(ended->process, usage);
  note_template_end(*ended, status, usage.ru_maxrss);
  templates_.erase(ended);
  view_.announce_change();
  return true;
}

void GroupSupervisor::note_template_end(Template& ended, int status, long peak_kib) {
  if (tell_of_end_with(ended, status, peak_kib)) return;
  const ExitReport report = exit_report_of(ended.process, group_.name, status, peak_kib);
  metrics::LifeEvent end = event_of(ended.process, metrics::ProcessEvent::end);
  end.how = how_it_ended(report);
  end.age = base::now() - ended.process.started;
  end.peak = static_cast<std::uint64_t>(peak_kib) * 1024;
  host_.tell(end);
  if (ended.is_ended) return;
  const bool is_given_up = !ended.is_ready && blames_load(status);
  // The next process finds out what is wrong.
  if (is_given_up) unfit_code_ = ended.process.code;
  const std::string follows =
      is_given_up ? "processes are started without one: " : "another is started: ";
  tell_of_loss("has ended, and " + follows + describe(report));
  template_not_before_ = base::now() + back_off(++template_deaths_, 1);
}

// Returns true if the scripts are what has ended a template that loaded them for no process. One
// SIGKILL may be an operator's or the kernel's.
bool GroupSupervisor::blames_load(int status) {
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (killed && ++killed_at_load_ == 1) return false;
  killed_at_load_ = 0;
  return true;
}

// Has one of the processes that wait for the template tell of its end as of its own: the one for
// which it was aborted, if there is one. Returns false if none waits.
bool GroupSupervisor::tell_of_end_with(Template& ended, int status, long peak_kib) {
  Process* teller = nullptr;
  for (Process& process : processes_) {
    if (!is_of(process, ended)) continue;
    if (teller == nullptr) {
      teller = &process;
    } else {
      abandon(process);
    }
  }
  if (teller == nullptr) return false;
  teller->crash_report = std::move(ended.process.crash_report);
  note_end(*teller, status, peak_kib);
  plan_after_death(*teller, status);
  return true;
}

void GroupSupervisor::tell_of_loss(const std::string& what) const {
  log_.log(Level::error, "BRINE0647: the template of daemon group '" + group_.name + "' " + what);
}

// Tells of an event in a template's life.
void GroupSupervisor::tell_of(const Template& one, metrics::ProcessEvent event) const {
  metrics::LifeEvent told = event_of(one.process, event);
  if (event == metrics::ProcessEvent::start) told.reason = "template";
  if (event == metrics::ProcessEvent::ready) told.age = base::now() - one.process.started;
  host_.tell(told);
}

}  // namespace brine::daemon

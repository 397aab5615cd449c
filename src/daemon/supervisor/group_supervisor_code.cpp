// GroupSupervisor's part in reloading: which code its processes are to run.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "daemon/supervisor/group_supervisor.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

// What the rollout has decided, for httpd's processes.
void GroupSupervisor::publish() {
  view_.board->code.store(rollout_.asked());
  view_.board->failed_code.store(rollout_.failed());
}

// What one process had to load for a request, the others have ready before they are asked: should
// the script be broken tomorrow, all of them have its last good code. Likewise where it had not
// loaded before, and has been mended.
void GroupSupervisor::script_loaded(Process& process, const std::string& text) {
  const auto script = unpack_script(text);
  if (!script) return;
  view_.board->broken.forget(script->path);
  const bool mended = process.failed_scripts.erase(script->path) != 0;
  if (!scripts_.add(*script) && !mended) return;
  view_.board->broken.set_lacking(script->path, false);
  for (Process& other : processes_) {
    if (&other == &process || !other.control || !other.is(Phase::serving)) continue;
    // One that cannot load it will say so when it is asked for it.
    if (mended && other.failed_scripts.erase(script->path) == 0) continue;
    send_packet(other.control.get(), {Message::load, 0, text});
  }
}

// Whether a process that has not loaded all its scripts is worse than one of those that serve:
// only what somebody has can be lost.
bool GroupSupervisor::others_have_more(const Process& process) const {
  const ScriptVersions missing = scripts_.to_be_kept(process.failed_scripts);
  return std::any_of(processes_.begin(), processes_.end(), [&](const Process& other) {
    return other.serves() && has_more(other.failed_scripts, missing);
  });
}

// The process serves although it lacks some: nobody has them, and they answer 500 until they are
// mended.
void GroupSupervisor::note_lacking(const Process& process) {
  for (const Script& script : scripts_.all()) {
    view_.board->broken.set_lacking(script.path, process.failed_scripts.contains(script.path));
  }
  rollout_.note_lacking(!process.failed_scripts.empty(), base::now());
}

// What nobody has is waited for: new processes try it when its file has changed.
bool GroupSupervisor::lacking_changed() const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const Process& process) {
    return process.is(Phase::serving) && scripts_.changed_since(process.failed_scripts);
  });
}

// A request for a script makes its process try it again; a script that no request asks for has to
// be told to. Perhaps what it needs has come back.
void GroupSupervisor::load_lacking(Nanos now) {
  if (!rollout_.loads_are_due(now)) return;
  bool any = false;
  for (const Process& process : processes_) {
    if (!process.is(Phase::serving) || !process.control) continue;
    for (const Script& script : scripts_.all()) {
      if (!script.callable.empty() || !process.failed_scripts.contains(script.path)) continue;
      send_packet(process.control.get(), {Message::load, 0, pack(script)});
      any = true;
    }
  }
  rollout_.note_loads(any, now);
}

void GroupSupervisor::script_changed(const Process& process, const std::string& path) {
  if (!process.serves()) return;
  const bool changed = rollout_.is_tried_again() && scripts_.changed_since_failure(path);
  if (!rollout_.is_news(process.code, changed) && !end_stuck_starts()) return;
  log_.log(Level::info, "the script '" + path + "' has changed: new processes of daemon group '" +
                            group_.name + "' take over");
  view_.count(Counter::reloads);
  ask_for_new_code();
}

// Who loads what has been mended meanwhile, and does not come to its end, is in the way of the
// mended code. True: there was such a process.
bool GroupSupervisor::end_stuck_starts() {
  const bool others = others_serve();
  bool any = false;
  for (Process& process : processes_) {
    if (!process.overdue || !process.is(Phase::starting)) continue;
    if (!rollout_.is_in_the_way(process.code, others)) continue;
    if (!scripts_.changed_since(process.scripts)) continue;
    happen(process, Event::stuck, Reason::reload);
    any = true;
  }
  return any;
}

void GroupSupervisor::ask_for_new_code() {
  rollout_.ask_for_new_code();
  publish();
  for (Process& process : processes_) happen(process, Event::replace, Reason::reload);
}

// Its scripts do not load, and others still run what did: they go on.
void GroupSupervisor::discard(Process& process) {
  happen(process, Event::rejected, Reason::script_failed);
  reject_code(process, process.failed_scripts);
}

// `scripts`: those that do not load.
void GroupSupervisor::reject_code(const Process& process, const ScriptVersions& scripts) {
  const bool others = scripts_.changed_since_failure();
  scripts_.note_failure(process.scripts);
  const bool mended = scripts_.changed_since_failure();
  switch (const Rejection rejection = rollout_.reject(process.code, mended, others, base::now())) {
    case Rejection::ask_anew:
      return ask_for_new_code();
    case Rejection::superseded:
      return publish();
    case Rejection::kept:
    case Rejection::kept_news:
      pass_over(process.code, scripts);
      return keep_old_code(process, rejection == Rejection::kept_news);
  }
}

// Whoever serves goes on.
void GroupSupervisor::keep_old_code(const Process& rejected, bool news) {
  log_.log(news ? Level::warning : Level::info, "BRINE0617: the changed scripts of daemon group '" +
                                                    group_.name +
                                                    "' do not load: the processes that serve now "
                                                    "go on as they are; a new process tries again "
                                                    "when a script changes, and from time to time");
  for (Process& other : processes_) {
    for (auto& [path, changed] : other.failed_scripts) {  // these have been tried as well
      const auto tried = rejected.scripts.find(path);
      if (tried != rejected.scripts.end()) changed = tried->second;
    }
    happen(other, Event::kept);
  }
}

// Whoever serves goes on with what it has, as far as these scripts go, and no request waits for
// this code any longer.
void GroupSupervisor::pass_over(std::uint32_t code, const ScriptVersions& scripts) {
  const bool newest = rollout_.pass_over(code);
  publish();
  for (const Process& other : processes_) {
    if (newest && other.code < code) tell_of_failure(other, scripts);
  }
  view_.announce_change();
}

// It has been loading its scripts for longer than a request waits for that.
void GroupSupervisor::note_overdue(Process& process) {
  process.overdue = true;
  const Others others = rollout_.beside(process.code, others_serve());
  if (fate_of(Attempt::overdue, others) != Fate::passed_over) return;
  log_.log(Level::warning,
           "BRINE0627: process " + std::to_string(process.pid) + " of daemon group '" +
               group_.name + "' has not loaded the changed scripts within " +
               std::to_string(limits_.connect_timeout.count()) +
               " ms (connect-timeout): until it has, the processes that serve now go on as they "
               "are; it is replaced if a script changes");
  pass_over(process.code, process.scripts);
}

// It has been loading its scripts for startup-timeout.
void GroupSupervisor::note_hung(const Process& process, Nanos now) {
  const Others others = rollout_.beside(process.code, others_serve());
  if (fate_of(Attempt::hung, others) == Fate::rejected) {
    return reject_code(process, process.scripts);
  }
  scripts_.note_failure(process.scripts);
  rollout_.note_hung(now);
}

// As long as the old processes have all places, new code has none.
void GroupSupervisor::wait_for_slot(Nanos now) {
  if (rollout_.note_full(now)) {
    const Census there = census();
    log_.log(Level::info,
             "a new process of daemon group '" + group_.name + "' has to wait: " +
                 std::to_string(there.all - there.starting - there.serving - there.retiring) +
                 " old ones have not ended yet");
  } else if (rollout_.is_full_for_long(limits_, now)) {
    pass_over(rollout_.asked(), scripts_.as_they_are());
  }
}

void GroupSupervisor::tell_of_failure(const Process& process, const ScriptVersions& scripts) {
  if (process.control) {
    send_packet(process.control.get(), {Message::code_failed, 0, pack(scripts)});
  }
}

}  // namespace brine::daemon

// The part of GroupSupervisor that decides which code the group's processes run.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "daemon/supervisor/group_supervisor.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

// Publishes the rollout's code versions to httpd's children.
void GroupSupervisor::publish() {
  view_.board->code.store(rollout_.asked());
  view_.board->failed_code.store(rollout_.failed());
}

// Has the other processes load a script that one process had to load for a request, so that all
// have its last good code should the script be broken tomorrow. The same is done for a script that
// failed before and now loads, since something that it needs has come back.
void GroupSupervisor::script_loaded(Process& process, const std::string& text) {
  const auto script = unpack_script(text);
  if (!script) return;
  const std::string& path = script->path;
  const bool added = scripts_.add(*script);
  if (!scripts_.knows(path)) return;
  const auto failed = process.failed_scripts.extract(path);
  const std::int64_t version = scripts_.version_of(path);
  process.scripts[path] = version;
  if (failed) has_script(path);
  if (!added && !failed) return;
  view_.board->broken.set_lacking(path, false);
  // The process keeps modules that it loaded long ago, so modules that changed with the script need
  // a new process.
  if (failed && failed.mapped() != version) return ask_for_new_code();
  for (Process& other : processes_) {
    if (&other == &process || !other.control || !other.is(Phase::serving)) continue;
    // A process that cannot load the script will say so when it is asked to.
    if (failed && other.failed_scripts.erase(path) == 0) continue;
    send_packet(other.control.get(), {Message::load, 0, text});
  }
}

// Returns the scripts that the process lacks and others have. These would be lost with the others,
// since no other copy of their last good code is kept.
ScriptVersions GroupSupervisor::had_by_others(const Process& process) const {
  ScriptVersions had = scripts_.to_be_kept(process.failed_scripts);
  std::erase_if(had, [&](const auto& script) {
    return std::none_of(processes_.begin(), processes_.end(),
                        [&](const Process& other) { return other.may_have(script.first); });
  });
  return had;
}

Merits GroupSupervisor::merits_of(const Process& process) const {
  Merits merits;
  const Census there = census();
  merits.wanted = there.serving + there.retiring < size_.wanted();
  for (const Process& other : processes_) {
    if (other.is(Phase::retiring) && other.life.reason != Reason::reload) merits.wanted = true;
  }
  for (const auto& [path, version] : process.scripts) {
    if (version == 0 || process.failed_scripts.contains(path)) continue;
    merits.any = true;
    for (const Process& other : processes_) {
      const auto older = other.scripts.find(path);
      if (!other.serves() || older == other.scripts.end()) continue;
      merits.newer = merits.newer || older->second != version;
    }
  }
  return merits;
}

// Lets the process serve while processes with older code go on for what it lacks. Returns false if
// the table of broken scripts is full, so that httpd's children cannot be told.
bool GroupSupervisor::keep(Process& process, const ScriptVersions& lacking) {
  const bool as_old = std::any_of(processes_.begin(), processes_.end(), [&](const Process& other) {
    return &other != &process && other.serves() && other.code >= process.code &&
           std::any_of(lacking.begin(), lacking.end(),
                       [&](const auto& script) { return other.may_have(script.first); });
  });
  if (as_old) {  // their code versions tell them apart
    const bool unfit = unfit_code_ == rollout_.asked();
    rollout_.ask_for_new_code();
    if (unfit) unfit_code_ = rollout_.asked();  // it is the same code
    process.code = rollout_.asked();
    view_.slots[process.slot].code.store(process.code);
    publish();
  }
  bool news = false;
  for (const auto& [path, version] : lacking) {
    const std::uint32_t from = view_.board->broken.lacking_from(path);
    news = news || from == 0;
    if (from == 0 && !view_.board->broken.set_lacking_from(path, process.code)) return false;
  }
  for (const Process& other : processes_) {
    if (other.code < process.code) tell_of_failure(other, lacking);
  }
  if (news) {
    log_.log(Level::warning, "BRINE0644: scripts of daemon group '" + group_.name +
                                 "' do not load ('" + lacking.begin()->first +
                                 (lacking.size() > 1 ? "' and others" : "'") +
                                 "): processes that have their last good code go on for these "
                                 "alone, and new processes serve all others");
  }
  return true;
}

// Returns true if the process has a script that processes with newer code lack.
bool GroupSupervisor::is_needed(const Process& process) const {
  return std::any_of(scripts_.all().begin(), scripts_.all().end(), [&](const Script& script) {
    return process.code < view_.board->broken.lacking_from(script.path) &&
           !process.failed_scripts.contains(script.path);
  });
}

// Returns true if another process that goes on has all scripts for which this one goes on.
bool GroupSupervisor::is_redundant(const Process& process) const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const Process& other) {
    if (&other == &process || !other.is(Phase::keeping)) return false;
    return std::none_of(scripts_.all().begin(), scripts_.all().end(), [&](const Script& script) {
      const std::uint32_t from = view_.board->broken.lacking_from(script.path);
      return from != 0 && process.code < from && process.may_have(script.path) &&
             (other.code >= from || !other.may_have(script.path));
    });
  });
}

// Publishes which scripts the serving process lacks. Those that no other process has are answered
// by 500 until they are mended.
void GroupSupervisor::note_lacking(const Process& process, const ScriptVersions& kept) {
  for (const Script& script : scripts_.all()) {
    const bool lacks = process.failed_scripts.contains(script.path);
    view_.board->broken.set_lacking(script.path, lacks && !kept.contains(script.path));
    if (!lacks && process.scripts.contains(script.path)) has_script(script.path);
  }
  rollout_.note_lacking(!process.failed_scripts.empty(), base::now());
}

// Notes that a process has the newest code of the script.
void GroupSupervisor::has_script(const std::string& path) {
  view_.board->broken.forget(path);
  view_.board->broken.set_lacking_from(path, 0);
}

// Returns true if a file has changed that no process could load, so that new processes may try.
bool GroupSupervisor::lacking_changed() const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const Process& process) {
    return process.is(Phase::serving) && scripts_.changed_since(process.failed_scripts);
  });
}

// Has processes load again what they lack, since something that a script needs may have come back.
// A request makes its process try its script again; scripts that no request asks for are loaded
// here.
void GroupSupervisor::load_lacking(Nanos now) {
  if (!rollout_.loads_are_due(now)) return;
  bool any = false;
  for (const Process& process : processes_) {
    if (!process.is(Phase::serving) || !process.control) continue;
    for (const Script& script : scripts_.all()) {
      const bool asked_for =
          !script.callable.empty() && view_.board->broken.lacking_from(script.path) == 0;
      if (asked_for || !process.failed_scripts.contains(script.path)) continue;
      send_packet(process.control.get(), {Message::load, 0, pack(script)});
      any = true;
    }
  }
  rollout_.note_loads(any, now);
}

void GroupSupervisor::script_changed(const Process& process, const std::string& path) {
  if (!process.serves() && !process.is(Phase::keeping)) return;
  const bool changed = rollout_.is_tried_again() && scripts_.changed_since_failure(path);
  const bool mended = process.is(Phase::keeping) && lacking_changed();
  if (!mended && !rollout_.is_news(process.code, changed) && !end_stuck_starts()) return;
  take_changed_script(process, path);
}

// Asks for new code because of a script, of which a process or the template has told.
void GroupSupervisor::take_changed_script(const Process& process, const std::string& path) {
  log_.log(Level::info, "the script '" + path + "' has changed: new processes of daemon group '" +
                            group_.name + "' take over");
  view_.count(Counter::reloads);
  metrics::LifeEvent event = event_of(process, metrics::ProcessEvent::reload);
  event.script = path;
  host_.tell(event);
  ask_for_new_code();
}

// Keeps looking at the scripts' files while a change of one could mend something.
void GroupSupervisor::look_at_scripts(Nanos now) {
  if (const auto seen = look_.take(now)) scripts_.note_seen(*seen);
  const bool waiting =
      scripts_.has_failed() ||
      std::any_of(processes_.begin(), processes_.end(), [](const Process& process) {
        return (process.is(Phase::starting) && process.overdue) ||
               (process.is(Phase::serving) && !process.failed_scripts.empty());
      });
  if (waiting && !ending_) look_.begin(scripts_.all(), now);
}

// Returns the versions that the process has tried to load, or would have.
ScriptVersions GroupSupervisor::tried_by(const Process& process) const {
  ScriptVersions tried = process.scripts;
  tried.merge(scripts_.as_they_are());
  return tried;
}

// Ends starting processes that hang in code which has been mended meanwhile. Returns true if there
// was such a process.
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
  end_templates(Reason::reload);
  for (Process& process : processes_) happen(process, Event::replace, Reason::reload);
}

// Ends a process whose scripts do not load, while the others keep serving the old code.
void GroupSupervisor::discard(Process& process) {
  happen(process, Event::rejected, Reason::script_failed);
  reject_code(process, process.failed_scripts);
}

// Rejects the code version of the process; `scripts` are those that do not load.
void GroupSupervisor::reject_code(const Process& process, const ScriptVersions& scripts) {
  const bool others = scripts_.changed_since_failure();
  scripts_.note_failure(tried_by(process));
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

// Lets the serving processes go on with the old code.
void GroupSupervisor::keep_old_code(const Process& rejected, bool news) {
  log_.log(news ? Level::warning : Level::info, "BRINE0617: the changed scripts of daemon group '" +
                                                    group_.name +
                                                    "' do not load: the processes that serve now "
                                                    "go on as they are; a new process tries again "
                                                    "when a script changes, and from time to time");
  for (Process& other : processes_) {
    for (auto& [path, changed] : other.failed_scripts) {  // the new process has tried these as well
      const auto tried = rejected.scripts.find(path);
      if (tried != rejected.scripts.end()) changed = tried->second;
    }
    happen(other, Event::kept);
  }
}

// Makes no request wait for this code version any longer; the serving processes answer with the
// code that they have.
void GroupSupervisor::pass_over(std::uint32_t code, const ScriptVersions& scripts) {
  const bool newest = rollout_.pass_over(code);
  publish();
  for (const Process& other : processes_) {
    if (newest && other.code < code) tell_of_failure(other, scripts);
  }
  view_.announce_change();
}

// Handles a process that has been loading its scripts for longer than a request waits
// (connect-timeout).
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
  pass_over(process.code, tried_by(process));
}

// Handles a process that has been loading its scripts for startup-timeout.
void GroupSupervisor::note_hung(const Process& process, Nanos now) {
  if (process.ordered_at != 0) {
    give_forks_up(process, "what it forks hangs before it is ready");
    return rollout_.note_hung(now);
  }
  const Others others = rollout_.beside(process.code, others_serve());
  if (fate_of(Attempt::hung, others) == Fate::rejected) {
    return reject_code(process, tried_by(process));
  }
  scripts_.note_failure(tried_by(process));
  rollout_.note_hung(now);
}

// Waits for a slot: while the old processes hold all slots, no process with new code can start.
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
  const auto redundant = std::find_if(
      processes_.begin(), processes_.end(),
      [&](const Process& process) { return process.is(Phase::keeping) && is_redundant(process); });
  if (redundant != processes_.end()) happen(*redundant, Event::replaced);
}

void GroupSupervisor::tell_of_failure(const Process& process, const ScriptVersions& scripts) {
  if (process.control) {
    send_packet(process.control.get(), {Message::code_failed, 0, pack(scripts)});
  }
}

}  // namespace brine::daemon

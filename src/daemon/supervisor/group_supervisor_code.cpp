// GroupSupervisor's part in reloading: which code its processes are to run.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "daemon/supervisor/group_supervisor.hpp"
#include "daemon/supervisor/policy.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

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
    if (&other == &process || !other.control || other.phase != Phase::serving) continue;
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
    const bool serves = other.phase == Phase::serving || other.phase == Phase::retiring;
    return serves && has_more(other.failed_scripts, missing);
  });
}

// The process serves although it lacks some: nobody has them, and they answer 500 until they are
// mended.
void GroupSupervisor::note_lacking(const Process& process) {
  for (const Script& script : scripts_.all()) {
    view_.board->broken.set_lacking(script.path, process.failed_scripts.contains(script.path));
  }
  if (load_at_ == 0 && !process.failed_scripts.empty()) {
    load_at_ = base::now() + back_off(++loads_, 0);
  }
}

// What nobody has is waited for: new processes try it when its file has changed.
bool GroupSupervisor::lacking_changed() const {
  return std::any_of(processes_.begin(), processes_.end(), [&](const Process& process) {
    return process.phase == Phase::serving && scripts_.changed_since(process.failed_scripts);
  });
}

// A request for a script makes its process try it again; a script that no request asks for has to
// be told to. Perhaps what it needs has come back.
void GroupSupervisor::load_lacking(Nanos now) {
  if (load_at_ == 0 || now < load_at_) return;
  load_at_ = 0;
  for (const Process& process : processes_) {
    if (process.phase != Phase::serving || !process.control) continue;
    for (const Script& script : scripts_.all()) {
      if (!script.callable.empty() || !process.failed_scripts.contains(script.path)) continue;
      send_packet(process.control.get(), {Message::load, 0, pack(script)});
      load_at_ = now + back_off(loads_ + 1, 0);
    }
  }
  loads_ = load_at_ != 0 ? loads_ + 1 : 0;
}

void GroupSupervisor::script_changed(const Process& process, const std::string& path) {
  if (process.phase != Phase::serving && process.phase != Phase::retiring) return;
  if (!is_news(process, path) && !end_stuck_starts(base::now())) return;
  log_.log(Level::info, "the script '" + path + "' has changed: new processes of daemon group '" +
                            group_.name + "' take over");
  view_.count(Counter::reloads);
  ask_for_new_code();
}

// Whether newer code than what has been asked for has to be loaded.
bool GroupSupervisor::is_news(const Process& process, const std::string& path) const {
  if (retry_at_ != 0) return scripts_.changed_since_failure(path);  // or just this has been tried
  return process.code == view_.board->code.load();                  // or newer is under way
}

// Who loads what has been mended meanwhile, and does not come to its end, is in the way of the
// mended code. True: there was such a process. (Where others have loaded the same code, they are
// to notice a change.)
bool GroupSupervisor::end_stuck_starts(Nanos now) {
  const bool others_serve = count({Phase::serving, Phase::retiring}) != 0;
  bool any = false;
  for (Process& process : processes_) {
    if (!process.overdue || process.phase != Phase::starting) continue;
    if (others_serve && process.code <= proven_code_) continue;
    if (!scripts_.changed_since(process.scripts)) continue;
    abort(process, Reason::reload, now);
    any = true;
  }
  return any;
}

void GroupSupervisor::ask_for_new_code() {
  retry_at_ = 0;
  view_.board->code.fetch_add(1);
  for (Process& process : processes_) retire(process, Reason::reload);
}

// Its scripts do not load, and others still run what did: they go on.
void GroupSupervisor::discard(Process& process) {
  stop(process, Reason::script_failed, base::now());
  reject_code(process, process.failed_scripts);
}

// `scripts`: those that do not load.
void GroupSupervisor::reject_code(const Process& process, const ScriptVersions& scripts) {
  const bool news = retries_ == 0 || scripts_.changed_since_failure();
  scripts_.note_failure(process.scripts);
  if (process.code == view_.board->code.load() && scripts_.changed_since_failure()) {
    return ask_for_new_code();  // mended meanwhile: who waits for it waits on
  }
  if (!keep_old_code(process.code, scripts)) return;
  log_.log(news ? Level::warning : Level::info, "BRINE0617: the changed scripts of daemon group '" +
                                                    group_.name +
                                                    "' do not load: the processes that serve now "
                                                    "go on as they are; a new process tries again "
                                                    "when a script changes, and from time to time");
  for (Process& other : processes_) {
    for (auto& [path, changed] : other.failed_scripts) {  // these have been tried as well
      const auto tried = process.scripts.find(path);
      if (tried != process.scripts.end()) changed = tried->second;
    }
    if (other.phase != Phase::retiring || other.reason != Reason::reload) continue;
    other.phase = Phase::serving;
    other.reason = Reason::none;
  }
  plan_retry();
}

// Whoever serves goes on with what it has, as far as these scripts go, and no request waits for
// this code any longer. False: there is newer code to wait for.
bool GroupSupervisor::keep_old_code(std::uint32_t code, const ScriptVersions& scripts) {
  std::atomic<std::uint32_t>& failed = view_.board->failed_code;
  failed.store(std::max(failed.load(), code));
  const bool newest = code == view_.board->code.load();
  for (const Process& other : processes_) {
    if (newest && other.code < code) tell_of_failure(other, scripts);
  }
  view_.announce_change();
  return newest;
}

// It has been loading its scripts for longer than a request waits for that.
bool GroupSupervisor::is_overdue(const Process& process, Nanos now) const {
  return limits_.connect_timeout.count() != 0 &&
         now - process.started >= base::nanos(limits_.connect_timeout);
}

// The requests that came upon a change have waited for it as long as a request may.
void GroupSupervisor::note_overdue(Process& process) {
  process.overdue = true;
  const bool is_new = process.code > proven_code_;
  if (!is_new || count({Phase::serving, Phase::retiring}) == 0) return;
  log_.log(Level::warning,
           "BRINE0627: process " + std::to_string(process.pid) + " of daemon group '" +
               group_.name + "' has not loaded the changed scripts within " +
               std::to_string(limits_.connect_timeout.count()) +
               " ms (connect-timeout): until it has, the processes that serve now go on as they "
               "are; it is replaced if a script changes");
  keep_old_code(process.code, process.scripts);
}

// As long as the old processes have all places, new code has none.
void GroupSupervisor::wait_for_slot(Nanos now) {
  const std::uint32_t code = view_.board->code.load();
  if (full_since_ == 0) {
    full_since_ = now;
    log_.log(Level::info, "a new process of daemon group '" + group_.name + "' has to wait: " +
                              std::to_string(count({Phase::draining, Phase::stopping})) +
                              " old ones have not ended yet");
  } else if (limits_.connect_timeout.count() != 0 && code > proven_code_ &&
             view_.board->failed_code.load() < code &&
             now - full_since_ >= base::nanos(limits_.connect_timeout)) {
    keep_old_code(code, scripts_.as_they_are());
  }
}

// A process has not become ready with code that no other has been ready with: that ends a process,
// or takes for ever, which is as good as code that does not load. False: it is not the code's
// fault, or nobody else is there to serve.
bool GroupSupervisor::blame_code(const Process& process) {
  if (process.code <= proven_code_ || count({Phase::serving, Phase::retiring}) == 0) {
    scripts_.note_failure(process.scripts);
    return false;
  }
  reject_code(process, process.scripts);
  return true;
}

void GroupSupervisor::tell_of_failure(const Process& process, const ScriptVersions& scripts) {
  if (process.control) {
    send_packet(process.control.get(), {Message::code_failed, 0, pack(scripts)});
  }
}

void GroupSupervisor::plan_retry() {
  retry_at_ = base::now() + std::max(back_off(++retries_, 0), base::kSecond);
}

}  // namespace brine::daemon

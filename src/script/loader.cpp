#include "script/loader.hpp"

#include <cstdint>
#include <functional>
#include <utility>

#include "base/quotes.hpp"
#include "cpython/error.hpp"

namespace brine::script {

using base::Level;
using cpython::borrow;
using cpython::ErrorSet;
using cpython::ErrorText;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

// Old generations are searched for after this many have been retired. Their globals and functions
// refer to each other, so only the garbage collector can free them; a collection stops all threads
// for some milliseconds.
constexpr unsigned kSweepAfter = 8;

// reload_required() is not called within this time after a load, if new code runs in a new process.
constexpr base::Nanos kRest = 2 * base::kSecond;

void log_advice(const ErrorText& error, base::LogSink& log) {
  if (!error.advice.empty()) log.log(Level::error, error.advice);
}

bool is_settled(const Source& source) { return source.read_at - source.stamp.ctime > kSettleTime; }

}  // namespace

Lease Loader::lease(GilLock& gil, const Wanted& wanted, base::LogSink& log) {
  Script& script = find(wanted.path);
  const bool up_to_date = bring_up_to_date(gil, script, wanted, log);
  if (!script.current) throw Unavailable{};
  return {script.current, !up_to_date};
}

// Loads or reloads the script if it has to. Returns false if the script has changed and is not
// loaded here.
bool Loader::bring_up_to_date(GilLock& gil, Script& script, const Wanted& wanted,
                              base::LogSink& log) {
  const unsigned attempts = script.attempts;
  const std::optional<Stamp> seen = look(gil, script, wanted);
  const Verdict verdict = judge(script, wanted, seen);
  if (verdict == Verdict::changed) return false;
  if (verdict != Verdict::use && !refresh(gil, script, wanted, false, log)) return false;
  if (script.current && script.attempts == attempts && reload_demanded(gil, script, wanted, log)) {
    return !by_another_process(wanted.settings.reloading) &&
           refresh(gil, script, wanted, true, log);
  }
  return true;
}

Loader::Script& Loader::find(const std::string& path) {
  std::unique_ptr<Script>& script = scripts_[path];
  if (!script) {
    script = std::make_unique<Script>();
    script->path = path;
  }
  return *script;
}

// Returns the stamp of the file at the script's path. What httpd has seen of the file is mostly
// enough to know that it has not changed.
std::optional<Stamp> Loader::look(GilLock& gil, const Script& script, const Wanted& wanted) {
  if (!script.current || wanted.settings.reloading == Reloading::off) return std::nullopt;
  if (base::shows(wanted.seen, script.current->stamp) || wanted.stamp == script.current->stamp) {
    return script.current->stamp;
  }
  GilRelease released(gil);  // the file system may be slow
  return base::stamp_of(script.path);
}

Verdict Loader::judge(const Script& script, const Wanted& wanted,
                      const std::optional<Stamp>& seen) const {
  std::optional<Loaded> loaded;
  if (script.current) loaded = Loaded{script.current->stamp, script.current->settled};
  return decide(loaded, seen, wanted.settings.keep_last_good ? script.failed : std::nullopt,
                wanted.settings.reloading, file_clock_now());
}

// Returns true if the script's own reload_required(path) asks for a reload.
bool Loader::reload_demanded(GilLock& gil, const Script& script, const Wanted& wanted,
                             base::LogSink& log) const {
  if (wanted.settings.reloading == Reloading::off || !script.current->reload_required) return false;
  // If it always returned true, each request would have a new process started.
  const bool young = base::now() - script.current->loaded_at < kRest;
  if (by_another_process(wanted.settings.reloading) && young) return false;
  // The call may let other threads run, and these may replace the generation, so its function is
  // kept.
  Ref function = borrow(gil, script.current->reload_required.get());
  try {
    Ref resource = path_object(gil, wanted.resource);
    Ref answer = steal(gil, PyObject_CallOneArg(function.get(), resource.get()));
    const int yes = PyObject_IsTrue(answer.get());
    cpython::check(gil, yes);
    return yes != 0;
  } catch (const ErrorSet&) {
    const ErrorText error = cpython::take_error(gil, bootstrap_.get(gil, "advise"));
    log.log(Level::error, "BRINE0308: reload_required() of WSGI script " +
                              base::in_quotes(script.path) + " raised " + error.summary +
                              ", so it is not reloaded\n" + error.traceback);
    log_advice(error, log);
    return false;
  }
}

// Reads the script under its lock and loads it if that is still wanted. Returns false if the script
// has changed and is not loaded here.
bool Loader::refresh(GilLock& gil, Script& script, const Wanted& wanted, bool demanded,
                     base::LogSink& log) {
  const unsigned attempts = script.attempts;
  std::unique_lock loading(script.loading, std::defer_lock);
  Source source;
  {
    GilRelease released(gil);
    loading.lock();
    source = read_source(script.path, owner_);
  }
  // Another thread may have loaded the script while this one waited for the lock. The verdict is
  // taken again for the file that was read, which is often the version that runs already.
  if (!demanded || script.attempts != attempts) {
    const Verdict verdict =
        judge(script, wanted, source.why_not.empty() ? std::optional(source.stamp) : std::nullopt);
    if (verdict == Verdict::use) return true;
    if (verdict == Verdict::changed) return false;
    // If that load failed, it failed for this request too and is not repeated.
    if (script.attempts != attempts && script.failed && script.failed->stamp == source.stamp) {
      throw Unavailable{};
    }
    if (verdict == Verdict::compare) {
      if (script.current->source_hash == std::hash<std::string>{}(source.bytes)) {
        script.current->stamp = source.stamp;
        script.current->settled = is_settled(source);
        return true;
      }
      if (by_another_process(wanted.settings.reloading)) return false;
    }
  }
  reload(gil, script, source, wanted, log);
  return true;
}

void Loader::reload(GilLock& gil, Script& script, const Source& source, const Wanted& wanted,
                    base::LogSink& log) {
  ++script.attempts;
  GenerationPtr next;
  ErrorText error;
  try {
    if (source.why_not.empty()) {
      next = execute(gil, script, source, wanted);
    } else {
      error.summary = source.why_not;
    }
  } catch (const ErrorSet&) {
    error = cpython::take_error(gil, bootstrap_.get(gil, "advise"));
    bootstrap_.show_serving_source(gil, script.path);
  }
  if (!next) return failed(script, source, wanted, error, log);

  // A script without its application is told as that, by application(): who reads "loaded" in the
  // log, as `brine reload` does, takes the process for ready.
  if (wanted.is_question || wanted.callable.empty() || has_application(gil, *next, wanted)) {
    log.log(Level::info, "loaded WSGI script " + base::in_quotes(script.path) + " (generation " +
                             std::to_string(next->number) + ") into interpreter '" + interpreter_ +
                             "'");
  }
  script.failed.reset();
  // From here on requests run in the new generation; those in flight keep the old one.
  std::swap(script.current, next);
  next.reset();
  if (retired_ >= kSweepAfter) sweep(gil, log);
}

GenerationPtr Loader::execute(GilLock& gil, Script& script, const Source& source,
                              const Wanted& wanted) {
  // A file that is being rewritten in place may be read while it is empty. So, if the last good
  // generation can go on, a script without its application does not load.
  const bool keep = script.current && wanted.settings.keep_last_good;
  GenerationPtr next(new Generation,
                     [this, path = script.path](Generation* old) { retire(path, old); });
  next->number = script.loads + 1;
  next->stamp = source.stamp;
  next->settled = is_settled(source);
  next->source_hash = std::hash<std::string>{}(source.bytes);
  Bootstrap::Executed executed =
      bootstrap_.execute(gil, script.path, source.bytes, next->number, wanted.settings.registered,
                         keep ? std::string(wanted.callable) : "");
  if (wanted.settings.logging) bootstrap_.log_by_levels(gil);
  next->module = std::move(executed.module);
  next->mark = std::move(executed.mark);
  next->reload_required =
      borrow(gil, PyDict_GetItemString(PyModule_GetDict(next->module.get()), "reload_required"));
  next->loaded_at = base::now();
  ++script.loads;
  return next;
}

void Loader::failed(Script& script, const Source& source, const Wanted& wanted,
                    const ErrorText& error, base::LogSink& log) const {
  const std::string what = "WSGI script " + base::in_quotes(script.path);
  std::string traceback = error.traceback.empty() ? "" : "\n" + error.traceback;
  const bool repeated = script.failed && script.failed->stamp == source.stamp;
  script.failed = FailedAttempt{source.stamp, file_clock_now()};
  if (script.current && wanted.settings.keep_last_good) {
    if (repeated) return;  // log once per change
    log.log(Level::error, "BRINE0306: " + what +
                              " was changed but does not load: " + error.summary + "; generation " +
                              std::to_string(script.current->number) + " goes on serving" +
                              traceback);
    log_advice(error, log);
    return;
  }
  if (source.is_refused) {
    log.log(Level::error, "BRINE0310: " + what + " is not run: " + error.summary);
    throw Unavailable{.is_refused = true};
  }
  if (!source.why_not.empty()) {
    log.log(Level::error, "BRINE0303: " + what + " cannot be read: " + error.summary +
                              "; the server's user needs to read it and to enter its folders");
  } else if (error.system_exit) {
    log.log(Level::error, "BRINE0302: " + what +
                              " ended itself while it was loaded: " + error.summary + traceback);
  } else {
    log.log(Level::error, "BRINE0301: " + what + " does not load: " + error.summary + traceback);
  }
  log_advice(error, log);
  throw Unavailable{};
}

void Loader::retire(const std::string& path, Generation* generation) noexcept {
  const std::unique_ptr<Generation> old(generation);
  const GilLock gil = GilLock::adopt();  // see GenerationPtr: the last owner holds the GIL
  if (!old->mark) return;                // the script was never executed
  ++retired_;
  try {
    bootstrap_.retire(gil, path, old->number, old->mark.get());
  } catch (const ErrorSet&) {
    PyErr_Clear();  // memory has run out: the generation is not noted
  }
}

void Loader::sweep(GilLock& gil, base::LogSink& log) {
  retired_ = 0;
  try {
    for (const std::string& sentence : bootstrap_.collect(gil)) {
      log.log(Level::warning, "BRINE0307: " + sentence);
    }
  } catch (const ErrorSet&) {
    log.log(Level::debug,
            "looking for old generations failed: " + cpython::take_error(gil).summary);
  }
}

Ref Loader::find_application(const GilLock& gil, Generation& generation, const Wanted& wanted) {
  const std::string_view callable = wanted.callable;
  if (generation.callable != callable || !generation.callable_name) {
    generation.callable_name = steal(
        gil,
        PyUnicode_FromStringAndSize(callable.data(), static_cast<Py_ssize_t>(callable.size())));
    generation.callable = callable;
  }
  Ref found = borrow(gil, PyDict_GetItemWithError(PyModule_GetDict(generation.module.get()),
                                                  generation.callable_name.get()));
  if (!found) PyErr_Clear();
  return found;
}

bool Loader::has_application(const GilLock& gil, Generation& generation, const Wanted& wanted) {
  const Ref found = find_application(gil, generation, wanted);
  return found && PyCallable_Check(found.get()) != 0;
}

Ref Loader::application(const GilLock& gil, Generation& generation, const Wanted& wanted,
                        base::LogSink& log) {
  const std::string_view callable = wanted.callable;
  Ref found = find_application(gil, generation, wanted);
  if (!found) {
    log.log(
        Level::error,
        "BRINE0304: WSGI script " + base::in_quotes(wanted.path) + " does not define " +
            base::in_quotes(callable) +
            (wanted.is_question ? "; name the function so, or say callable-object=NAME where the "
                                  "configuration names the script"
                                : "; name the application so, or set WSGICallableObject"));
    throw Unavailable{.missing_callable = true};
  }
  if (PyCallable_Check(found.get()) == 0) {
    log.log(Level::error, "BRINE0305: " + base::in_quotes(callable) + " in WSGI script " +
                              base::in_quotes(wanted.path) + " is of type " +
                              Py_TYPE(found.get())->tp_name + ", which cannot be called");
    throw Unavailable{};
  }
  return found;
}

}  // namespace brine::script

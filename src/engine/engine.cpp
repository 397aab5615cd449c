// Implements the boundary on Python's side: starts Python and serves requests with it.
#include "boundary/engine.hpp"

#include <Python.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "boundary/interpreter_options.hpp"
#include "cpython/error.hpp"
#include "cpython/runtime.hpp"
#include "engine/application_groups.hpp"
#include "engine/gil_line.hpp"
#include "engine/hazard_log.hpp"
#include "engine/serving_threads.hpp"
#include "pickle/scope.hpp"
#include "script/service.hpp"
#include "wsgi/log_streams.hpp"
#include "wsgi/metrics.hpp"
#include "wsgi/observation.hpp"
#include "wsgi/server_metrics.hpp"

namespace brine::engine {

using base::Level;
using cpython::ErrorSet;
using cpython::GilLock;
using wsgi::Outcome;

namespace {

script::Wanted wanted(const wsgi::Target& target) {
  script::Wanted result;
  result.path = target.script;
  result.callable = target.callable;
  result.resource = target.resource;
  result.is_question = target.question.is_asked();
  result.settings = target.settings;
  if (target.settings.reloading == wsgi::Reloading::off) return result;
  // The file system is asked here, where the GIL is not held.
  result.seen = target.seen.links != 0 ? target.seen : base::see(result.path);
  if (result.seen.links != 1) result.stamp = base::stamp_of(result.path);
  return result;
}

// A thread that has checked for signals and is about to block misses one that comes in between, so
// the signal is sent again after these times.
constexpr std::chrono::milliseconds kWakeAgain[] = {std::chrono::milliseconds(20),
                                                    std::chrono::milliseconds(200)};

// Throws a Python exception that no application caused (memory has run out) as text, which can
// leave the interpreter.
[[noreturn]] void throw_as_text(const GilLock& gil) {
  throw std::runtime_error(cpython::take_error(gil).summary);
}

// A thread tells what was measured of one request in so many.
constexpr unsigned kSampled = 64;

// Has a thread of its own stop an interpreter, and waits for it.
void stop_by_thread(const cpython::Interpreter& interpreter) noexcept {
  try {
    std::promise<void> promise;
    const std::future<void> stopped = promise.get_future();
    std::thread([interpreter, promise = std::move(promise)]() mutable noexcept {
      interpreter.stop();
      promise.set_value();
      for (;;) ::pause();
    }).detach();
    stopped.wait();
  } catch (const std::exception&) {
    // There may be no further thread. The interpreter's threads run on until the process is gone.
  }
}

// Applies the settings that hold for the whole process, however many interpreters it has.
void apply_to_process(const GilLock& gil, const Config& config) {
  set_switch_interval(gil, options_of(config.interpreter_rules, std::nullopt));
  if (config.crash_fd >= 0) {
    // An application that calls faulthandler.enable() itself replaces this file.
    const cpython::Ref module = cpython::steal(gil, PyImport_ImportModule("faulthandler"));
    cpython::steal(gil,
                   PyObject_CallMethod(module.get(), "enable", "iO", config.crash_fd, Py_True));
  }
}

// Calls a function of bootstrap.py whose exception, if any, concerns nobody but the application.
template <class... Arguments>
void call(PyObject* function, const char* format = nullptr, Arguments... arguments) noexcept {
  if (PyObject* result = PyObject_CallFunction(function, format, arguments...)) {
    Py_DECREF(result);
  } else {
    PyErr_WriteUnraisable(function);
  }
}

class PythonEngine final : public Engine {
 public:
  PythonEngine(const GilLock& gil, const Config& config) : groups_(gil, config) {
    apply_to_process(gil, config);
  }

  Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                wsgi::ResponseWriter& response) noexcept override {
    try {
      const ApplicationGroups::Turn turn =
          groups_.choose(target.application_group, target.group_named_by, request);
      ApplicationGroup& group = turn.group();
      const script::Wanted script = wanted(target);
      if (wsgi::requests_are_observed() && !target.question.is_asked() && !request.head().warm_up) {
        return serve_observed(group, target, script, request, response);
      }
      wsgi::Exchange exchange{request, response};
      return wsgi::Gateway::finish(exchange, run_in_turn(group, target, script, exchange));
    } catch (const NoGroup& reason) {
      return reason == NoGroup::limit ? Outcome::rejected : Outcome::failed_before_headers;
    } catch (const std::exception& error) {
      request.log(Level::error, std::string("BRINE0205: internal error: ") + error.what());
      return Outcome::failed_before_headers;
    }
  }

  bool preload(const wsgi::Target& target, base::LogSink& log) noexcept override {
    try {
      script::Wanted script = wanted(target);
      if (by_another_process(script.settings.reloading)) {
        script.settings.reloading = wsgi::Reloading::in_place;  // this process has to load it
      }
      const std::vector<ApplicationGroup*> interpreters =
          groups_.interpreters_of(target.application_group, target.group_named_by, log);
      return std::all_of(interpreters.begin(), interpreters.end(), [&](ApplicationGroup* group) {
        return load(*group, target, script, log);
      });
    } catch (const NoGroup& reason) {
      return reason == NoGroup::limit;  // the script is not at fault: its requests will get 503
    } catch (const std::exception& error) {
      log.log(Level::error, std::string("BRINE0206: internal error: ") + error.what());
      return false;
    }
  }

  void end_script(int signal) noexcept override {
    script::Service& service = script::Service::of_process();
    service.tell_to_end(signal);
    raise_in_sub_interpreter(service);
    for (const std::chrono::milliseconds pause : kWakeAgain) {
      std::this_thread::sleep_for(pause);
      if (!service.wake(signal)) return;
    }
  }

  void touch_gils() noexcept override {
    try {
      for (const ApplicationGroup* group : groups_.all()) {
        group->interpreter.with_gil([](const GilLock&) {});
      }
    } catch (const std::exception&) {
      // Memory for the list has run out, which tells nothing about a GIL.
    }
  }

  std::string stack(std::uintptr_t thread) noexcept override {
    try {
      return look_at<std::string>(thread, [](GilLock& gil, const ApplicationGroup& group,
                                             const ServingThread& serving) {
        try {
          return cpython::to_utf8(
              gil, cpython::steal(gil, PyObject_CallFunction(group.bootstrap.get(gil, "stack_of"),
                                                             "k", serving.ident))
                       .get());
        } catch (const ErrorSet&) {
          PyErr_Clear();
          return std::string();
        }
      });
    } catch (const std::exception&) {
      return {};
    }
  }

  bool interrupt(std::uintptr_t thread) noexcept override {
    return look_at<bool>(thread, [](const GilLock& gil, const ApplicationGroup& group,
                                    const ServingThread& serving) {
      return group.gateway.interrupt(gil, *serving.exchange, serving.ident);
    });
  }

  void forget_thread() noexcept override { cpython::Interpreter::forget_thread(); }

  void tell_signal(int signal) noexcept override {
    try {
      for (ApplicationGroup* group : groups_.all()) {
        group->interpreter.with_gil([&](const GilLock& gil) {
          call(group->bootstrap.get(gil, "tell_signal"), "i", signal);
        });
      }
    } catch (const std::exception&) {
      // Memory for the list has run out.
    }
  }

  std::string prepare_to_fork() noexcept override {
    try {
      const ApplicationGroup& group = groups_.main();
      return group.interpreter.with_gil([&](const GilLock& gil) -> std::string {
        try {
          return cpython::to_utf8(
              gil,
              cpython::steal(gil, PyObject_CallNoArgs(group.bootstrap.get(gil, "prepare_to_fork")))
                  .get());
        } catch (const ErrorSet&) {
          return cpython::take_error(gil).summary;
        }
      });
    } catch (const std::exception& error) {
      return error.what();
    }
  }

  pid_t fork_process(const std::function<pid_t()>& fork) noexcept override {
    const ApplicationGroup& group = groups_.main();
    return group.interpreter.with_gil([&](const GilLock& gil) {
      PyOS_BeforeFork();
      const pid_t pid = fork();
      if (pid == 0) {
        PyOS_AfterFork_Child();
        cpython::Interpreter::note_fork(gil);
        call(group.bootstrap.get(gil, "tell_forked"));
      } else {
        PyOS_AfterFork_Parent();
      }
      return pid;
    });
  }

  void show(const wsgi::Scoreboard& scoreboard) noexcept override {
    wsgi::show_scoreboard(scoreboard);
  }

  void shutdown(std::chrono::milliseconds time, std::string_view reason) noexcept override {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + time;  // for all interpreters together
    for (ApplicationGroup* group : groups_.all()) {
      group->interpreter.with_gil([&](GilLock& gil) {
        const std::chrono::duration<double> left = deadline - Clock::now();
        try {
          cpython::steal(
              gil, PyObject_CallFunction(group->bootstrap.get(gil, "run_exit_callbacks"), "ds",
                                         std::max(0.0, left.count()), std::string(reason).c_str()));
        } catch (const ErrorSet&) {
          // An exception in an atexit callback goes to sys.stderr, which is the log, as Python does
          // it.
          PyErr_WriteUnraisable(nullptr);
        }
      });
    }
    // From here on no Python code may run: its threads wait for GILs that are never released.
    for (const ApplicationGroup* group : groups_.all()) {
      if (group->interpreter.has_own_gil()) stop_by_thread(group->interpreter);
    }
    groups_.main().interpreter.stop();
  }

 private:
  // As serve() does, and measures the request, whose end is told when the client has its response.
  Outcome serve_observed(ApplicationGroup& group, const wsgi::Target& target,
                         const script::Wanted& script, wsgi::Request& request,
                         wsgi::ResponseWriter& response) {
    wsgi::Observation observation(request, response);
    wsgi::Exchange exchange{observation.request(), observation.response()};
    exchange.observation = &observation;
    const Outcome outcome =
        wsgi::Gateway::finish(exchange, run_in_turn(group, target, script, exchange));
    if (!observation.has_begun()) return outcome;
    observation.end(outcome, exchange);
    wsgi::Metrics::of_process().record(observation.measures());
    ServingThread& thread = threads_.own();
    group.interpreter.with_gil([&](GilLock& gil) {
      const Serving serving(gil, thread, group, exchange);
      const wsgi::LogScope scope(request);
      HazardNote hazards(request);
      const pickle::PolicyScope guarded(target.settings.pickle_policy, &hazards,
                                        target.settings.pickle_sample);
      group.gateway.finished(gil, exchange, outcome);
    });
    return outcome;
  }

  // Takes that interpreter's GIL alone: a script that computes without end in a sub-interpreter may
  // never let another interpreter run (CPython before 3.13).
  void raise_in_sub_interpreter(script::Service& service) noexcept {
    const PyInterpreterState* const wanted = service.sub_interpreter();
    if (wanted == nullptr) return;
    try {
      for (const ApplicationGroup* group : groups_.all()) {
        if (!group->interpreter.is(wanted)) continue;
        group->interpreter.with_gil(
            [&](const GilLock& gil) { service.raise_in_sub_interpreter(gil); });
      }
    } catch (const std::exception&) {
      // Memory for the list has run out. The script is not told, and will be cut off.
    }
  }

  // Loads a script into one interpreter. Returns false after logging a failure.
  static bool load(ApplicationGroup& group, const wsgi::Target& target,
                   const script::Wanted& script, base::LogSink& log) {
    return group.interpreter.with_gil([&](GilLock& gil) {
      const wsgi::LogScope scope(log);
      HazardLog hazards(log);
      const pickle::PolicyScope guarded(target.settings.pickle_policy, &hazards,
                                        target.settings.pickle_sample);
      try {
        const script::Lease lease = group.loader.lease(gil, script, log);
        // A file that is half-written may load and yet lack its application.
        if (target.settings.keep_last_good && !target.callable.empty()) {
          script::Loader::application(gil, *lease.generation, script, log);
        }
        return true;
      } catch (const script::Unavailable&) {
        return false;
      } catch (const ErrorSet&) {
        throw_as_text(gil);
      }
    });
  }

  // Takes the GIL when it is the request's turn, and serves it.
  wsgi::Reply run_in_turn(ApplicationGroup& group, const wsgi::Target& target,
                          const script::Wanted& script, wsgi::Exchange& exchange) {
    ServingThread& thread = threads_.own();
    const base::Nanos came = base::now();
    GilLine::Place place(group.line, came);
    return group.interpreter.with_gil([&](GilLock& gil) {
      const base::Nanos now = base::now();
      const base::Nanos waited = now - came;
      // Nobody can have held the GIL for longer than this one waited, and of short holds the line
      // need not know more.
      place.has_gil(now, waited < kShortHold ? kShortHold : group.turn(gil));
      if (exchange.observation != nullptr) exchange.observation->has_gil(waited);
      const Serving serving(gil, thread, group, exchange);
      return run(gil, group, target, script, exchange, waited);
    });
  }

  wsgi::Reply run(GilLock& gil, ApplicationGroup& group, const wsgi::Target& target,
                  const script::Wanted& script, wsgi::Exchange& exchange, base::Nanos waited) {
    const wsgi::LogScope scope(exchange.request);
    HazardNote hazards(exchange.request);
    const pickle::PolicyScope guarded(target.settings.pickle_policy, &hazards,
                                      target.settings.pickle_sample);
    try {
      const script::Lease lease = group.loader.lease(gil, script, exchange.request);
      if (lease.changed) {
        if (target.settings.reloading == wsgi::Reloading::fresh_process) {
          return {Outcome::restarting, std::nullopt};
        }
        exchange.request.script_changed();
      }
      tell_measures(exchange.request, *lease.generation, waited);
      if (target.question.is_asked()) {
        return ask(gil, group, target, script, *lease.generation, exchange);
      }
      const cpython::Ref application =
          script::Loader::application(gil, *lease.generation, script, exchange.request);
      return group.gateway.serve(gil, application.get(), script.path, exchange);
    } catch (const script::Unavailable& reason) {
      return {reason.missing_callable ? Outcome::no_application
              : reason.is_refused     ? Outcome::forbidden
                                      : Outcome::script_failed,
              std::nullopt};
    } catch (const ErrorSet&) {
      throw_as_text(gil);
    }
  }

  // Tells what was measured of one request in kSampled of the thread, and of the first of each
  // generation that it meets. `waited` is the time that the request has waited for the GIL.
  void tell_measures(wsgi::Request& request, const script::Generation& generation,
                     base::Nanos waited) const {
    thread_local unsigned served = 0;
    thread_local base::Nanos told_of = 0;
    if (served++ % kSampled != 0 && generation.loaded_at == told_of) return;
    told_of = generation.loaded_at;
    request.measured({waited, generation.loaded_at, generation.number,
                      static_cast<std::uint32_t>(groups_.count())});
  }

  // Puts the question. A route is asked of several functions, each of which may be missing.
  static wsgi::Reply ask(GilLock& gil, ApplicationGroup& group, const wsgi::Target& target,
                         const script::Wanted& script, script::Generation& generation,
                         wsgi::Exchange& exchange) {
    const bool is_route = target.question.call == wsgi::Call::route;
    const cpython::Ref function =
        is_route ? cpython::Ref()
                 : script::Loader::application(gil, generation, script, exchange.request);
    return {group.gateway.ask(gil, generation.module.get(), function.get(), target, exchange),
            std::nullopt};
  }

  // Returns what `body` finds in the interpreter in which a thread serves a request, with the GIL
  // held; false or empty if the thread serves none.
  template <class Found, class Body>
  Found look_at(std::uintptr_t thread, const Body& body) {
    const std::shared_ptr<const ServingThread> serving = threads_.find(thread);
    const ApplicationGroup* group = serving ? serving->group.load() : nullptr;
    if (group == nullptr) return Found{};
    return group->interpreter.with_gil([&](GilLock& gil) {
      // The request may have ended while this thread waited for the GIL.
      return serving->group.load() == group ? body(gil, *group, *serving) : Found{};
    });
  }

  ApplicationGroups groups_;
  ServingThreads threads_;
};

cpython::RuntimeConfig runtime_config(const Config& config) {
  cpython::RuntimeConfig runtime;
  runtime.program = config.program.empty() ? BRINE_PYTHON_PROGRAM : config.program;
  runtime.home = config.home;
  runtime.warnings = config.warnings;
  runtime.optimize = config.optimize;
  runtime.write_bytecode = config.write_bytecode;
  runtime.hash_seed = config.hash_seed;
  return runtime;
}

Engine* start(const Config& config, base::LogSink& log, std::string& error) noexcept {
  try {
    wsgi::set_server_log(log);
    wsgi::Metrics::of_process().prepare(config.threads_per_process);
    static HazardLog hazards(log);
    pickle::set_process_listener(hazards);
    // The configuration overrides the environment: with PYTHONHOME, a virtual environment's
    // packages would not be found.
    if (!config.program.empty() || !config.home.empty()) unsetenv("PYTHONHOME");
    if (!config.python_eggs.empty()) setenv("PYTHON_EGG_CACHE", config.python_eggs.c_str(), 1);
    error = cpython::start_python(runtime_config(config));
    if (!error.empty()) return nullptr;
    Engine* engine = nullptr;
    {
      const GilLock gil = GilLock::adopt();
      try {
        engine = new PythonEngine(gil, config);
      } catch (const ErrorSet&) {
        error = cpython::take_error(gil).traceback;
      }
    }
    PyEval_SaveThread();
    return engine;
  } catch (const std::exception& failure) {
    error = failure.what();
    return nullptr;
  }
}

}  // namespace
}  // namespace brine::engine

extern "C" __attribute__((visibility("default")))
const brine::engine::EngineExport brine_engine_export;
const brine::engine::EngineExport brine_engine_export = {brine::engine::kAbi, PY_VERSION,
                                                         brine::engine::start};

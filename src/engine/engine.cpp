// The Python side of the boundary: starts Python and serves requests with it.
#include "engine/engine.hpp"

#include <Python.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>

#include "cpython/error.hpp"
#include "cpython/runtime.hpp"
#include "engine/application_groups.hpp"
#include "engine/hazard_log.hpp"
#include "pickle/scope.hpp"
#include "wsgi/errors.hpp"

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
  result.reloading = target.reloading;
  result.keep_last_good = target.keep_last_good;
  result.registered = target.registered;
  if (!target.reloading) return result;
  if (target.seen.mtime_us == 0) {
    result.glimpse = script::stamp_of(result.path);  // here, since the GIL is not held yet
  } else {
    result.glimpse = script::Stamp{target.seen.device, target.seen.inode, target.seen.size,
                                   target.seen.mtime_us * 1000};
  }
  return result;
}

// How long threads of applications may take to end with the process. httpd kills a child about 10 s
// after it was told to leave.
constexpr std::chrono::seconds kExitTime{5};

// A Python exception that no application caused (memory has run out), in a form that can leave the
// interpreter.
[[noreturn]] void throw_as_text(const GilLock& gil) {
  throw std::runtime_error(cpython::take_error(gil).summary);
}

class PythonEngine final : public Engine {
 public:
  PythonEngine(const GilLock& gil, const Config& config) : groups_(gil, config) {}

  Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                wsgi::ResponseWriter& response) noexcept override {
    try {
      ApplicationGroup& group = groups_.get(target.application_group, request);
      const script::Wanted script = wanted(target);
      wsgi::Exchange exchange{request, response};
      const wsgi::Reply reply = group.interpreter.with_gil(
          [&](GilLock& gil) { return run(gil, group, target, script, exchange); });
      return wsgi::Gateway::finish(exchange, reply);
    } catch (const NoGroup& reason) {
      return reason == NoGroup::limit ? Outcome::rejected : Outcome::failed_before_headers;
    } catch (const std::exception& error) {
      request.log(Level::error, std::string("BRINE0205: internal error: ") + error.what());
      return Outcome::failed_before_headers;
    }
  }

  bool preload(const wsgi::Target& target, base::LogSink& log) noexcept override {
    try {
      ApplicationGroup& group = groups_.get(target.application_group, log);
      const script::Wanted script = wanted(target);
      return group.interpreter.with_gil([&](GilLock& gil) {
        const wsgi::LogScope scope(log);
        HazardLog hazards(log);
        const pickle::PolicyScope guarded(target.pickle_policy, &hazards);
        try {
          group.loader.load(gil, script, log);
          return true;
        } catch (const script::Unavailable&) {
          return false;
        } catch (const ErrorSet&) {
          throw_as_text(gil);
        }
      });
    } catch (const NoGroup&) {
      return false;
    } catch (const std::exception& error) {
      log.log(Level::error, std::string("BRINE0206: internal error: ") + error.what());
      return false;
    }
  }

  void shutdown() noexcept override {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + kExitTime;  // for all of them together
    for (ApplicationGroup* group : groups_.all()) {
      group->interpreter.with_gil([&](GilLock& gil) {
        const std::chrono::duration<double> left = deadline - Clock::now();
        try {
          cpython::steal(gil, PyObject_CallFunction(group->bootstrap.get(gil, "run_exit_callbacks"),
                                                    "d", std::max(0.0, left.count())));
        } catch (const ErrorSet&) {
          // As Python does with what an atexit callback raises: it goes to sys.stderr, our log.
          PyErr_WriteUnraisable(nullptr);
        }
      });
    }
    // From here on nothing of Python may run: its threads wait for a GIL that is not given back.
    groups_.main().interpreter.stop();
  }

 private:
  static wsgi::Reply run(GilLock& gil, ApplicationGroup& group, const wsgi::Target& target,
                         const script::Wanted& script, wsgi::Exchange& exchange) {
    const wsgi::LogScope scope(exchange.request);
    HazardNote hazards(exchange.request);
    const pickle::PolicyScope guarded(target.pickle_policy, &hazards);
    try {
      const script::Lease lease = group.loader.lease(gil, script, exchange.request);
      return group.gateway.serve(gil, lease.application.get(), script.path, exchange);
    } catch (const script::Unavailable& reason) {
      return {reason.missing_callable ? Outcome::no_application : Outcome::failed_before_headers,
              std::nullopt};
    } catch (const ErrorSet&) {
      throw_as_text(gil);
    }
  }

  ApplicationGroups groups_;
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
    static HazardLog hazards(log);
    pickle::set_process_listener(hazards);
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

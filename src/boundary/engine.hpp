// The boundary between the two shared objects: of an engine (Python, no httpd), mod_brine.so and
// brine-worker (no Python) see what this file declares, and nothing else.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/interpreter_options.hpp"
#include "boundary/log.hpp"
#include "boundary/named_script.hpp"
#include "boundary/request.hpp"
#include "boundary/server_metrics.hpp"

namespace brine::engine {

/// The number of the boundary. Raise it with every change of this folder's files or of what they
/// include: an engine that was built with another number is refused. tests/boundary_test.py
/// compares the hash with the files. kAbi's hash: 4d4231e31475a71e
inline constexpr std::uint32_t kAbi = 38;

/// The name of the symbol by which an engine is found (type: EngineExport).
inline constexpr const char* kExportSymbol = "brine_engine_export";

/// The values that a process needs to start Python; read once, by `EngineExport::start`.
struct Config {
  /// WSGIPythonHome, already resolved: `program` is the python of a virtual environment, or
  /// `home` a prefix (PYTHONHOME). At most one is set; none: the Python the engine was built for.
  std::string program;
  std::string home;
  InterpreterRules interpreter_rules;
  std::string python_eggs;            ///< WSGIPythonEggs, or empty
  std::vector<std::string> warnings;  ///< WSGIPythonWarnings, `-W` syntax
  int optimize = 0;                   ///< WSGIPythonOptimize
  bool write_bytecode = true;         ///< WSGIDontWriteBytecode Off
  std::string hash_seed;              ///< WSGIPythonHashSeed: "random", a number, or empty
  /// WSGIInterpreterLimit: sub-interpreters in this process that the configuration names, and those
  /// that clients do.
  int interpreter_limit = 64;
  int client_interpreter_limit = 16;
  /// interpreters=: how many serve an application group, other than the main interpreter's. More
  /// than one have a GIL each.
  int interpreters = 1;
  /// WSGIPickleGuard of the main server and its sample=: for threads that serve no request.
  pickle::Policy pickle_policy = pickle::Policy::report;
  std::uint32_t pickle_sample = 0;

  std::vector<NamedScript> named_scripts;  ///< those that processes of this group may load

  std::string process_group;  ///< empty: embedded
  int maximum_processes = 1;
  int threads_per_process = 1;
  bool multithread = false;   ///< wsgi.multithread
  bool multiprocess = false;  ///< wsgi.multiprocess
  bool run_once = false;      ///< wsgi.run_once
  bool at_terminal = false;   ///< httpd -X at a terminal: sys.stdin and sys.stdout stay Python's
  bool service = false;       ///< serves no requests; preload() runs its scripts, see end_script()
  int apache_version[3] = {2, 4, 0};
  // Members for the module `apache`, which tells of httpd itself:
  int apache_processes = 1;
  int apache_threads = 1;
  std::string apache_description;
  std::string apache_mpm;
  std::string apache_build_date;
  base::Level log_level = base::Level::warning;  ///< the least important that httpd's log takes

  /// script-user= and script-group=: the owner that every script of the process must have.
  std::optional<std::uint32_t> script_user;
  std::optional<std::uint32_t> script_group;

  /// The descriptor, which stays open, that faulthandler writes all threads' Python stacks to if
  /// the process crashes; -1: none.
  int crash_fd = -1;
};

/// Runs WSGI applications. One per process, made after fork; it lives until the process ends.
class Engine {
 public:
  /// Serves one request from its first to its last byte. Any thread may call it without the GIL,
  /// and many do at once. Every failure has been logged when it returns.
  virtual wsgi::Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                              wsgi::ResponseWriter& response) noexcept = 0;

  /// Loads a script before the first request needs it. Returns false after logging a failure to
  /// `log`. It is not the script's failure if there may be no further interpreter; then true is
  /// returned.
  virtual bool preload(const wsgi::Target& target, base::LogSink& log) noexcept = 0;

  /// With `Config::service`: tells the script that another thread executes in `preload` to end, and
  /// scripts that have not begun not to begin. In the main interpreter that thread is the one which
  /// called EngineExport::start; its Python handler of `signal` (SIGTERM or SIGINT; the default one
  /// raises SystemExit) is called, and a blocking call is interrupted. For this the process has to
  /// catch the signal, and gets it once more. A script in a sub-interpreter is not woken. A script
  /// that ends so has not failed. May BLOCK for the GIL of a sub-interpreter; takes a moment.
  virtual void end_script(int signal) noexcept = 0;

  /// Takes every interpreter's GIL once and releases it. BLOCKS for as long as one of them is held,
  /// so its return shows that none is stuck.
  virtual void touch_gils() noexcept = 0;

  /// Returns the Python stack of a thread (its pthread_self()) that serves a request, innermost
  /// call last, as in a traceback; empty if the thread runs no Python. BLOCKS for the GIL.
  virtual std::string stack(std::uintptr_t thread) noexcept = 0;

  /// Raises mod_wsgi.RequestTimeout in a thread that serves a request, as soon as it runs Python
  /// code again; `serve` then returns Outcome::timed_out. Returns false if the thread serves none,
  /// or its script is still being loaded. BLOCKS for the GIL. What was raised in one request never
  /// hits a later one, provided that the caller keeps the thread from its next request during the
  /// call.
  virtual bool interrupt(std::uintptr_t thread) noexcept = 0;

  /// Deletes what Python keeps for the calling thread, its `threading.local` values above all,
  /// which may run code of the application's. The thread calls the engine no more. BLOCKS for GILs.
  virtual void forget_thread() noexcept = 0;

  /// Calls the subscribers of mod_wsgi's event `process_signal` in every interpreter. May BLOCK for
  /// ever, as they may.
  virtual void tell_signal(int signal) noexcept = 0;

  /// Has the main interpreter ready for fork_process(), after scripts have been loaded there: what
  /// is not needed is freed, and the garbage collector leaves alone what there is, so that its
  /// memory stays shared. Returns why no process should be forked, which is the application's
  /// threads with their stacks; empty: nothing is in the way.
  virtual std::string prepare_to_fork() noexcept = 0;

  /// Calls `fork`, which forks the process and returns as fork(2) does, as `os.fork()` would: with
  /// the hooks of `os.register_at_fork()`. In the new process the engine is as it was. Called by
  /// the thread that called EngineExport::start, which has to be the process's only one.
  virtual pid_t fork_process(const std::function<pid_t()>& fork) noexcept = 0;

  /// Has mod_wsgi.server_metrics() answer, which returns None otherwise. `scoreboard` must outlive
  /// the process's last request. Called at most once, before any script is loaded.
  virtual void show(const wsgi::Scoreboard& scoreboard) noexcept = 0;

  /// Tells the subscribers of mod_wsgi's event `process_stopping` why (mod_wsgi's word for it, or
  /// empty), runs the `atexit` callbacks of every interpreter, flushes, and waits for the
  /// applications' threads until `time` is over. The interpreters are not finalised, since the
  /// process is about to end. Called once, when no request is being served. May BLOCK for ever, in
  /// an `atexit` callback or for a GIL that is not released; afterwards every call that needs the
  /// GIL does.
  virtual void shutdown(std::chrono::milliseconds time, std::string_view reason) noexcept = 0;

 protected:
  ~Engine() = default;
};

/// The object that the symbol `kExportSymbol` of an engine's shared object names.
struct EngineExport {
  std::uint32_t abi;           ///< kAbi; has to be read before anything else
  const char* python_version;  ///< "3.11.2"
  /// Starts Python and makes the process's engine. `log` must outlive the process's last request.
  /// Returns null, with the reason in `error`, if Python cannot start. May be called once.
  Engine* (*start)(const Config& config, base::LogSink& log, std::string& error) noexcept;
};

}  // namespace brine::engine

// The boundary between the two shared objects: mod_brine.so (httpd, no Python) sees of an engine
// (Python, no httpd) what this file declares, and nothing else.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/log.hpp"
#include "boundary/request.hpp"

namespace brine::engine {

/// Raise it with every change of this folder's files or of what they include: mod_brine.so refuses
/// an engine that was built with another number. tests/boundary_test.py holds both to each other.
/// kAbi's hash: 781a2f3032826714
inline constexpr std::uint32_t kAbi = 19;

/// The name of the symbol by which an engine is found (type: EngineExport).
inline constexpr const char* kExportSymbol = "brine_engine_export";

/// A directory for sys.path.
struct SearchPath {
  std::string directory;
  std::string origin;  ///< what in the configuration names it, with file and line
};

/// What a process needs to start Python; read once, by `EngineExport::start`.
struct Config {
  /// WSGIPythonHome, already resolved: `program` is the python of a virtual environment, or
  /// `home` a prefix (PYTHONHOME). At most one is set; none: the Python the engine was built for.
  std::string program;
  std::string home;
  std::vector<SearchPath> python_path;
  std::string python_eggs;            ///< WSGIPythonEggs, or empty
  std::vector<std::string> warnings;  ///< WSGIPythonWarnings, `-W` syntax
  int optimize = 0;                   ///< WSGIPythonOptimize
  bool write_bytecode = true;         ///< WSGIDontWriteBytecode Off
  std::string hash_seed;              ///< WSGIPythonHashSeed: "random", a number, or empty
  bool restrict_stdin = false;        ///< WSGIRestrictStdin
  bool restrict_stdout = false;       ///< WSGIRestrictStdout
  bool restrict_signal = true;        ///< WSGIRestrictSignal
  /// WSGIInterpreterLimit: sub-interpreters in this process that the configuration names, and those
  /// that clients do.
  int interpreter_limit = 64;
  int client_interpreter_limit = 16;
  /// WSGIPickleGuard of the main server: for threads that serve no request.
  pickle::Policy pickle_policy = pickle::Policy::report;

  std::string process_group;  ///< empty: embedded
  int maximum_processes = 1;
  int threads_per_process = 1;
  bool multithread = false;   ///< wsgi.multithread
  bool multiprocess = false;  ///< wsgi.multiprocess
  bool run_once = false;      ///< wsgi.run_once
  bool at_terminal = false;   ///< whoever runs the server debugs: sys.stdin, sys.stdout are theirs
  bool service = false;  ///< serves no requests; what is preloaded is what runs, see end_script
  int apache_version[3] = {2, 4, 0};

  /// script-user= and script-group=: whose scripts the process runs, however it comes to them.
  std::optional<std::uint32_t> script_user;
  std::optional<std::uint32_t> script_group;

  double switch_interval = 0;  ///< sys.setswitchinterval(), in seconds; 0: Python's own
  /// Where the Python stacks of all threads are written if the process crashes (faulthandler), a
  /// descriptor that stays open; -1: nowhere.
  int crash_fd = -1;
};

/// Runs WSGI applications. One per process, made after fork; it lives until the process ends.
class Engine {
 public:
  /// Serves one request from its first to its last byte. Called without the GIL by any thread, on
  /// many threads at once. Every failure has been logged when it returns.
  virtual wsgi::Outcome serve(const wsgi::Target& target, wsgi::Request& request,
                              wsgi::ResponseWriter& response) noexcept = 0;

  /// Loads a script before the first request needs it; a failure is logged to `log` and returned.
  /// It is none of the script's where there may be no further interpreter.
  virtual bool preload(const wsgi::Target& target, base::LogSink& log) noexcept = 0;

  /// With `Config::service`: tells the script that another thread is executing in `preload` to end,
  /// and those that have not begun not to begin. In the main interpreter that is the thread which
  /// called EngineExport::start; its Python handler of `signal` (SIGTERM or SIGINT, by default one
  /// that raises SystemExit) is called, and what it blocks in is interrupted: the process has to
  /// catch that signal, and gets one more of them. A script in a sub-interpreter is not woken. To
  /// end so is no failure. May BLOCK for the GIL of a sub-interpreter; takes a moment.
  virtual void end_script(int signal) noexcept = 0;

  /// Takes every interpreter's GIL once and gives it back. BLOCKS for as long as one of them is
  /// held: that it returns is the sign that none is stuck.
  virtual void touch_gils() noexcept = 0;

  /// The Python stack of a thread (its pthread_self()) that serves a request, innermost call last,
  /// as in a traceback; empty if it runs no Python. BLOCKS for the GIL.
  virtual std::string stack(std::uintptr_t thread) noexcept = 0;

  /// Raises mod_wsgi.RequestTimeout in a thread that serves a request, as soon as that runs Python
  /// code again; `serve` then returns Outcome::timed_out. False: it serves none, or its script is
  /// still being loaded. BLOCKS for the GIL. A later request is never hit by what was raised in an
  /// earlier one; that the thread begins none before the call has come to it is the caller's part.
  virtual bool interrupt(std::uintptr_t thread) noexcept = 0;

  /// Runs `atexit` callbacks in every interpreter and flushes, waiting for the applications'
  /// threads until `time` is over. The interpreters are not destroyed: the process is about to
  /// end. Called once, when no request is being served. May BLOCK for ever, in an `atexit` callback
  /// or for a GIL that is not given back; afterwards every call that needs the GIL does.
  virtual void shutdown(std::chrono::milliseconds time) noexcept = 0;

 protected:
  ~Engine() = default;
};

/// What the symbol `kExportSymbol` of an engine's shared object holds.
struct EngineExport {
  std::uint32_t abi;           ///< kAbi; read it before anything else
  const char* python_version;  ///< "3.11.2"
  /// Starts Python and makes the process's engine. `log` must outlive the process's last request.
  /// Returns null and puts the reason in `error` if Python cannot start; call it once only.
  Engine* (*start)(const Config& config, base::LogSink& log, std::string& error) noexcept;
};

}  // namespace brine::engine

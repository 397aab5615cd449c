// The settings of a group of daemon processes (WSGIDaemonProcess): plain data, complete before the
// first fork.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "boundary/request.hpp"
#include "boundary/script_settings.hpp"

namespace brine::daemon {

using Duration = std::chrono::milliseconds;

/// The user and groups that a group's processes run with. Names are for messages.
struct Identity {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string user;  ///< the user's name, or empty if the id has none
  /// Groups of supplementary-groups=, or those of the user. They are looked up before the first
  /// fork, since a chroot's files must not decide them. Absent: `gid` alone.
  std::optional<std::vector<gid_t>> supplementary;
};

/// The limits of a group. A duration or size of 0 means "no limit", unless said otherwise.
struct Limits {
  Duration startup_timeout{0};      ///< from the process's fork until its scripts are loaded
  Duration shutdown_timeout{5000};  ///< from the order to end until SIGKILL
  Duration graceful_timeout{15000};
  Duration eviction_timeout{0};  ///< 0: graceful_timeout
  Duration deadlock_timeout{300000};
  Duration inactivity_timeout{0};
  Duration request_timeout{0};
  Duration interrupt_timeout{0};
  Duration restart_interval{0};
  Duration restart_interval_jitter{0};  ///< see recycle_limits()
  Duration connect_timeout{15000};      ///< how long a request waits for a ready process
  /// True if connect-timeout was given: the time in which a process loads counts for it, too.
  bool loading_counts = false;
  Duration socket_timeout{0};      ///< of one read or write between httpd and the process
  Duration queue_timeout{0};       ///< from the request's arrival until a thread takes it up
  Duration processes_idle{60000};  ///< how long a process stays that the load does not need
  Duration preload_idle{0};  ///< how long a template stays that no process has been forked from
  Duration warm_up_timeout{30000};  ///< for all warm-up requests of one process; never 0
  std::uint64_t maximum_requests = 0;
  std::uint64_t maximum_requests_jitter = 0;  ///< see recycle_limits()
  int listen_backlog = 100;                   ///< requests that may wait beyond those being served
  std::uint64_t memory_recycle = 0;           ///< bytes of resident memory
  std::uint64_t memory_recycle_jitter = 0;    ///< bytes; see recycle_limits()
  std::uint64_t cpu_time_limit = 0;           ///< seconds (RLIMIT_CPU)
  std::uint64_t memory_limit = 0;             ///< bytes (RLIMIT_DATA)
  std::uint64_t virtual_memory = 0;           ///< bytes (RLIMIT_AS)
};

/// Returns eviction-timeout, or graceful-timeout if that is 0.
inline Duration eviction_time(const Limits& limits) {
  return limits.eviction_timeout.count() != 0 ? limits.eviction_timeout : limits.graceful_timeout;
}

/// A script that a group's processes load before they are ready.
struct Script {
  std::string path;
  std::string callable;  ///< empty: the script need not define one
  std::string application_group;
  wsgi::NamedBy group_named_by = wsgi::NamedBy::configuration;
  wsgi::ScriptSettings settings;
  bool learnt = false;  ///< a request named the script; else the configuration does
};

/// Returns true if processes that a template forks have the script from it: a forked process has
/// the main interpreter alone.
inline bool is_shared(const Script& script) { return script.application_group.empty(); }

/// Returns the script that a request's target names.
inline Script script_of(const wsgi::Target& target) {
  Script script;
  script.path = target.script;
  script.callable = target.callable;
  script.application_group = target.application_group;
  script.group_named_by = target.group_named_by;
  script.settings = target.settings;
  script.learnt = true;
  return script;
}

/// Returns the target that loads a script beforehand.
inline wsgi::Target target_of(const Script& script) {
  wsgi::Target target;
  target.script = script.path;
  target.callable = script.callable;
  target.application_group = script.application_group;
  target.group_named_by = script.group_named_by;
  target.resource = script.path;
  target.settings = script.settings;
  return target;
}

/// A request that a process makes to its application before it is ready (warm-up=). The texts are
/// those of the environ.
struct WarmUp {
  std::string url;  ///< with its query, as the configuration says it
  Script script;
  std::string script_name;
  std::string path_info;
  std::string query;
  std::string scheme;
  std::string host;  ///< of the virtual host
  std::string port;
};

/// One group. All names have been looked up before the fork.
struct Group {
  std::string name;
  int least_processes = 1;    ///< processes=MIN-MAX; else the same as `processes`
  int processes = 1;          ///< at most
  bool multiprocess = false;  ///< processes= was given, even as 1 (wsgi.multiprocess)
  int threads = 15;           ///< 0: see is_service()
  int interpreters = 1;       ///< see engine::Config
  bool preload = false;       ///< processes are forked from a template that has loaded the scripts

  Identity identity;
  bool switches_identity = false;  ///< root started httpd: the processes take on the identity
  std::optional<mode_t> umask;
  std::string chroot;     ///< absolute, or empty
  std::string home;       ///< home=, absolute, or empty; goes to the front of sys.path too
  std::string user_home;  ///< HOME: the user's home of the passwd database, or empty
  std::string
      /// Working directory: home=, or the user's home, or "/"; empty: unchanged.
      working_home;
  std::string lang;          ///< LANG
  std::string locale;        ///< LC_ALL
  std::string display_name;  ///< with %{GROUP} expanded; empty: the name of httpd
  int cpu_priority = 0;      ///< nice value
  std::uint64_t stack_size = 0;
  std::uint64_t send_buffer_size = 0;
  std::uint64_t receive_buffer_size = 0;

  std::string python;   ///< "3.12", "3.13t": the version whose engine is loaded
  std::string program;  ///< see engine::Config
  std::string prefix;   ///< see engine::Config::home
  std::vector<std::string> python_path;
  std::string python_path_origin;  ///< the directive that names them, with file and line
  std::string home_origin;         ///< the directive that sets home=, with file and line
  std::string python_eggs;
  double switch_interval = 0;  ///< seconds; 0: the engine's own

  std::optional<uid_t> script_user;
  std::optional<gid_t> script_group;

  Limits limits;
  std::vector<Script> scripts;  ///< those of WSGIImportScript, and of aliases that name both groups
  std::vector<WarmUp> warm_ups;  ///< in the order in which they are made

  /// Returns true if the group has more or fewer processes as it needs them.
  bool varies() const { return least_processes < processes; }

  /// Returns true if the group serves no requests: its scripts are the service, and run in the main
  /// thread of its process.
  bool is_service() const { return threads == 0; }
};

}  // namespace brine::daemon

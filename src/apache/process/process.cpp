#include "apache/process/process.hpp"

#include <ap_mpm.h>
#include <grp.h>
#include <limits.h>
#include <mpm_common.h>
#include <sys/resource.h>
#include <unistd.h>
#include <unixd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/alias.hpp"
#include "apache/config/ignored.hpp"
#include "apache/config/interpreter_options.hpp"
#include "apache/config/own_gil.hpp"
#include "apache/config/python_home.hpp"
#include "apache/config/reading.hpp"
#include "apache/config/script_names.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "apache/process/forks.hpp"
#include "apache/process/httpd_scoreboard.hpp"
#include "apache/process/installed.hpp"
#include "apache/process/own_life.hpp"
#include "base/quotes.hpp"
#include "base/temporary_file.hpp"
#include "base/tenant_look.hpp"
#include "brine/version.h"
#include "daemon/shared/private_fd.hpp"
#include "engine/engine_loader.hpp"

namespace brine::apache {

using base::FilesFault;
using base::TenantLook;
using base::Viewer;

namespace {

std::mutex start_mutex;                         // held while the engine is started
std::atomic<engine::Engine*> running{nullptr};  // written once, under start_mutex
bool start_tried = false;                       // guarded by start_mutex
bool missing_reported = false;                  // written before the fork
thread_local bool in_engine = false;

// The time that applications' threads have to end with the process. httpd kills a child about 10 s
// after it was told to end.
constexpr std::chrono::seconds kExitTime{5};

int mpm_query(int what) {
  int value = 0;
  return ap_mpm_query(what, &value) == APR_SUCCESS ? value : 0;
}

void fill_process_model(engine::Config& config) {
  config.threads_per_process = config.apache_threads;
  config.maximum_processes = config.apache_processes;
  config.multithread = config.threads_per_process > 1;
  config.multiprocess = config.maximum_processes > 1;
  config.run_once = !config.multithread && mpm_query(AP_MPMQ_MAX_REQUESTS_DAEMON) == 1;
}

// Fills in what httpd says of itself.
void describe_httpd(engine::Config& config) {
  const bool threaded = mpm_query(AP_MPMQ_IS_THREADED) != AP_MPMQ_NOT_SUPPORTED;
  const bool forked = mpm_query(AP_MPMQ_IS_FORKED) != AP_MPMQ_NOT_SUPPORTED;
  config.apache_threads = threaded ? std::max(1, mpm_query(AP_MPMQ_MAX_THREADS)) : 1;
  config.apache_processes = forked ? std::max(1, mpm_query(AP_MPMQ_MAX_DAEMONS)) : 1;
  config.apache_description = ap_get_server_description();
  config.apache_mpm = ap_show_mpm();
  config.apache_build_date = ap_get_server_built();
  ap_version_t version;
  ap_get_server_revision(&version);
  config.apache_version[0] = version.major;
  config.apache_version[1] = version.minor;
  config.apache_version[2] = version.patch;
}

// Returns true for `httpd -X` at a terminal, which is how a debugger is used.
bool runs_at_terminal() {
  return ap_exists_config_define("DEBUG") != 0 && isatty(STDIN_FILENO) == 1 &&
         isatty(STDOUT_FILENO) == 1;
}

engine::Config embedded_config() {
  const ProcessSettings& settings = server_settings(ap_server_conf).process;
  engine::Config config = shared_engine_config();
  config.program = settings.resolved_home.program;
  config.home = settings.resolved_home.home;
  config.interpreter_rules = interpreter_rules(settings.interpreters, {});
  config.python_eggs = settings.python_eggs;
  config.named_scripts = named_scripts({});
  fill_process_model(config);
  return config;
}

engine::Engine* start_engine() {
  static ServerLog server_log(ap_server_conf);
  const std::string& python = server_settings(ap_server_conf).process.python;
  const InstalledFile* file = installed_files().engine(python);
  if (file == nullptr) {
    if (!missing_reported) {
      server_log.log(base::Level::error, engine::explain_missing(python));
    }
    return nullptr;
  }
  if (!server_settings(ap_server_conf).process.home_fault.empty()) {
    return nullptr;
  }
  guard_application_forks();
  tell_own_start();
  engine::Engine* started =
      engine::start_engine(file->path_to_open(), file->path, embedded_config(), server_log);
  static const HttpdScoreboard scoreboard;
  if (started != nullptr && server_settings(ap_server_conf).process.server_metrics) {
    started->show(scoreboard);
  }
  if (started != nullptr) tell_own_readiness();
  return started;
}

// Shuts Python down, unless the thread is in the engine: httpd's prefork MPM ends a child in a
// signal handler, and Python may then be in the middle of a request, where it cannot end cleanly.
apr_status_t shut_down(void*) {
  engine::Engine* engine = running.exchange(nullptr);
  if (engine != nullptr && !in_engine) {
    engine->shutdown(kExitTime, {});
    tell_own_end();
  }
  return APR_SUCCESS;
}

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)
// As in shut_down(): prefork calls it in a signal handler, too.
void retire(apr_pool_t*, int graceful) {
  if (running_engine() != nullptr && !in_engine) tell_own_retirement(graceful != 0);
}
#endif

void preload_scripts(engine::Engine& engine, const server_rec* server) {
  for (const Preload& preload : server_settings(server).preloads) {
    wsgi::Target target;
    target.script = preload.script;
    target.callable = preload.callable;
    target.application_group = preload.application_group;
    target.resource = preload.script;
    target.settings = script_settings(settings_outside_sections(server), "");
    ServerLog server_log(server);
    const bool loaded = engine.preload(target, server_log);
    daemon::end_if_forked();
    if (!loaded) {
      server_log.log(base::Level::error, "BRINE0008: the script '" + std::string(preload.script) +
                                             "' could not be loaded at the process's start; the "
                                             "first request for it tries again");
    }
  }
}

bool any_server_serves_wsgi(const server_rec* main_server) {
  for (const server_rec* server = main_server; server != nullptr; server = server->next) {
    if (server_settings(server).serves_wsgi) {
      return true;
    }
  }
  return false;
}

void start_child(apr_pool_t* pchild, server_rec*) {
  apr_pool_cleanup_register(pchild, nullptr, shut_down, apr_pool_cleanup_null);
  base::TemporaryFile::folder();  // reads the environment before Python may change it
  if (!any_server_serves_wsgi(ap_server_conf) ||
      server_settings(ap_server_conf).process.restrict_embedded) {
    return;
  }
  if (engine::Engine* started = engine()) {
    for (const server_rec* server : servers_with_settings(ap_server_conf)) {
      preload_scripts(*started, server);
    }
  }
}

// Returns the user of the processes that run Python: `User` if root starts httpd, else the user who
// starts it.
Identity server_identity() {
  Identity identity;
  if (geteuid() != 0) {
    identity.user = geteuid();
    identity.groups.resize(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
    const int count = getgroups(static_cast<int>(identity.groups.size()), identity.groups.data());
    identity.groups.resize(static_cast<std::size_t>(std::max(0, count)));
    identity.groups.push_back(getegid());
    return identity;
  }
  identity.user = ap_unixd_config.user_id;
  identity.groups = {ap_unixd_config.group_id};
  if (ap_unixd_config.user_name != nullptr) {
    int count = NGROUPS_MAX;
    identity.groups.resize(static_cast<std::size_t>(count));
    getgrouplist(ap_unixd_config.user_name, ap_unixd_config.group_id, identity.groups.data(),
                 &count);
    identity.groups.resize(static_cast<std::size_t>(std::max(0, count)));
  }
  return identity;
}

Viewer viewer_of(const Identity& identity) {
  Viewer viewer;
  viewer.switches = geteuid() == 0;
  viewer.uid = identity.user;
  viewer.gid = viewer.switches ? ap_unixd_config.group_id : getegid();
  viewer.supplementary = identity.groups;
  return viewer;
}

// Notes a fault. Returns true if this is `httpd -t`, which refuses it; a running httpd goes on
// serving the requests that it does not concern.
bool note_fault(server_rec* main_server, const std::string& fault) {
  server_settings(main_server).process.home_fault = fault;
  if (!is_configuration_test()) {
    ServerLog(main_server)
        .log(base::Level::error, "BRINE0021: " + fault +
                                     "; requests that httpd's own processes would serve are "
                                     "answered with 503 until httpd is restarted with this mended");
  }
  return is_configuration_test();
}

// Resolves WSGIPythonHome, also for `httpd -t`. User, Group and WSGIPython are known by now,
// wherever they stand in the file.
int check_python_home(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  ProcessSettings& settings = server_settings(main_server).process;
  if (settings.python_home.empty() || !is_last_reading()) {
    return OK;
  }
  try {
    const Identity identity = server_identity();
    TenantLook look(viewer_of(identity), [&]() -> TenantLook::Texts {
      const PythonHome home =
          resolve_python_home(settings.python_home,
                              {engine::effective_version(settings.python),
                               engine::available_versions(engine::engine_directories()), identity});
      return {home.program, home.home};
    });
    const TenantLook::Texts found = look.result();
    settings.resolved_home = {found.at(0), found.at(1)};
    return OK;
  } catch (const FilesFault& error) {
    const std::string fault =
        "WSGIPythonHome" + in_parentheses(settings.python_home_place) + " " + error.what();
    if (!note_fault(main_server, fault)) {
      return OK;
    }
    ServerLog(main_server).log(base::Level::error, "BRINE0005: " + fault);
    return HTTP_INTERNAL_SERVER_ERROR;
  }
}

// Checks PYTHONHOME of the environment, also for `httpd -t`, when all groups are complete. It
// applies where the configuration names no home.
class EnvironmentCheck {
 public:
  EnvironmentCheck(server_rec* main_server, std::string home)
      : main_server_(main_server), home_(std::move(home)) {}

  int run() {
    ProcessSettings& process = server_settings(main_server_).process;
    if (any_server_serves_wsgi(main_server_) && !process.restrict_embedded) {
      check(process.resolved_home.program + process.resolved_home.home, process.home_fault,
            {engine::effective_version(process.python), {}, server_identity(), "httpd"});
    }
    for (DaemonGroup& group : server_settings(main_server_).daemon_groups.all) {
      if (group.group.chroot.empty()) {  // chroot: the path means something else there
        check(group.group.program + group.group.prefix, group.fault,
              {group.group.python,
               {},
               identity_of(group.group),
               "daemon group " + base::in_quotes(group.group.name)});
      }
    }
    return failed_ ? HTTP_INTERNAL_SERVER_ERROR : OK;
  }

 private:
  static Identity identity_of(const daemon::Group& group) {
    if (!group.switches_identity) {
      return server_identity();
    }
    Identity identity{group.identity.uid,
                      group.identity.supplementary.value_or(std::vector<gid_t>())};
    identity.groups.push_back(group.identity.gid);
    return identity;
  }

  // Has `httpd -t` refuse what is wrong; otherwise the fault puts whatever cannot run because of it
  // out of order.
  void check(const std::string& configured, std::string& fault,
             const HomeCircumstances& circumstances) {
    if (!configured.empty() || !fault.empty()) {
      return;
    }
    try {
      TenantLook(viewer_of(circumstances.identity), [&]() -> TenantLook::Texts {
        check_environment_home(home_, circumstances);
        return {};
      }).result();
    } catch (const FilesFault& error) {
      failed_ = is_configuration_test();
      fault = std::string("PYTHONHOME in httpd's environment ") + error.what();
      ServerLog(main_server_)
          .log(base::Level::error,
               "BRINE0019: " + fault +
                   ": take it out (Debian: /etc/apache2/envvars), and name an environment by "
                   "WSGIPythonHome or python-home=");
    }
  }

  server_rec* main_server_;
  std::string home_;
  bool failed_ = false;
};

// Has `httpd -t` refuse a WSGIPython for which there is no engine. A server that starts says so,
// too, and serves what needs none.
int check_python(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  const ProcessSettings& process = server_settings(main_server).process;
  if (!is_configuration_test() || process.python.empty() || process.restrict_embedded ||
      !any_server_serves_wsgi(main_server)) {
    return OK;
  }
  const std::vector<std::string> there = engine::available_versions(engine::engine_directories());
  if (std::find(there.begin(), there.end(), process.python) != there.end()) return OK;
  ServerLog(main_server)
      .log(base::Level::error, engine::explain_missing(process.python) + "; see WSGIPython" +
                                   in_parentheses(process.python_place));
  return HTTP_INTERNAL_SERVER_ERROR;
}

int check_environment(apr_pool_t*, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  const char* home = std::getenv("PYTHONHOME");
  return home == nullptr || *home == '\0' || !is_last_reading()
             ? OK
             : EnvironmentCheck(main_server, home).run();
}

// Raises the soft limit of descriptors to the hard one, since each connection between httpd's
// children and daemon processes costs one at both ends. The soft limit is for programs that cannot
// handle many (select), and programs that httpd starts inherit it.
void raise_open_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Warns of a server whose directives about trusted proxies believe nobody: mod_wsgi believed
// everybody there.
void warn_of_headers_without_proxies(server_rec* main_server, const server_rec* server) {
  const ServerSettings& settings = server_settings(server);
  if (settings.trusts_proxies || server_settings(main_server).trusts_proxies) {
    return;
  }
  const auto warn = [&](const char* directive, const std::optional<Place>& place,
                        const char* effect) {
    if (!place) return;
    ServerLog(server).log(base::Level::warning,
                          "BRINE0022: " + std::string(directive) + in_parentheses(*place) +
                              " has no effect" + effect +
                              ": no WSGITrustedProxies says whom to trust, and so nobody is "
                              "trusted");
  };
  warn("WSGITrustedProxyHeaders", settings.proxy_headers_place,
       " but to hide these fields from applications");
  warn("WSGIRequestIdHeader", settings.request_id_place, "");
}

// Warns of each WSGIPerInterpreterGIL On that has no effect.
void warn_of_shared_gils(server_rec* main_server) {
  const ProcessSettings& process = server_settings(main_server).process;
  std::vector<PythonRunner> runners;
  const auto add = [&](const std::string& name, std::string_view group, const std::string& python) {
    runners.push_back({name, python, interpreter_rules(process.interpreters, {group})});
  };
  if (any_server_serves_wsgi(main_server) && !process.restrict_embedded) {
    add("httpd's own processes", "", engine::effective_version(process.python));
  }
  for (const DaemonGroup& group : server_settings(main_server).daemon_groups.all) {
    add("daemon group " + base::in_quotes(group.group.name), group.group.name, group.group.python);
  }
  for (const std::string& sentence : without_own_gil(runners)) {
    ServerLog(main_server).log(base::Level::warning, "BRINE0024: " + sentence);
  }
}

int finish_configuration(apr_pool_t* pconf, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  // httpd reads the configuration twice when it starts; only the second reading logs.
  if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG) {
    return OK;
  }
  raise_open_file_limit();
  keep_installed(pconf);
  ap_add_version_component(pconf, "Brine/" BRINE_VERSION);
  for (const server_rec* server : servers_with_settings(main_server)) {
    warn_of_shadowed_aliases(server);
    warn_of_headers_without_proxies(main_server, server);
  }
  report_ignored(pconf, main_server);
  warn_of_shared_gils(main_server);
  const std::string& python = server_settings(main_server).process.python;
  missing_reported =
      any_server_serves_wsgi(main_server) && installed_files().engine(python) == nullptr;
  if (missing_reported) {
    ServerLog(main_server).log(base::Level::error, engine::explain_missing(python));
  }
  return OK;
}

}  // namespace

engine::Config shared_engine_config() {
  const ProcessSettings& settings = server_settings(ap_server_conf).process;
  engine::Config config;
  config.warnings = settings.python_warnings;
  config.optimize = settings.python_optimize;
  config.write_bytecode = !settings.dont_write_bytecode;
  config.hash_seed = settings.hash_seed;
  config.interpreter_limit = settings.interpreter_limits.configured;
  config.client_interpreter_limit = settings.interpreter_limits.of_clients();
  config.at_terminal = runs_at_terminal();
  const wsgi::ScriptSettings scripts =
      script_settings(settings_outside_sections(ap_server_conf), "");
  config.pickle_policy = scripts.pickle_policy;
  config.pickle_sample = scripts.pickle_sample;
  config.log_level = least_level(ap_server_conf);
  describe_httpd(config);
  return config;
}

engine::Engine* engine() {
  engine::Engine* engine = running.load(std::memory_order_acquire);
  if (engine == nullptr) {
    const std::lock_guard lock(start_mutex);
    if (!start_tried) {
      start_tried = true;
      running.store(start_engine(), std::memory_order_release);
    }
    engine = running.load(std::memory_order_relaxed);
  }
  return engine;
}

engine::Engine* running_engine() noexcept { return running.load(std::memory_order_acquire); }

Serving::Serving() : outer_(in_engine) { in_engine = true; }

Serving::~Serving() { in_engine = outer_; }

void register_process_hooks() {
  ap_hook_check_config(guarded<&check_python_home>, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_check_config(guarded<&check_environment>, nullptr, nullptr, APR_HOOK_LAST);
  ap_hook_check_config(guarded<&check_python>, nullptr, nullptr, APR_HOOK_LAST);
  ap_hook_post_config(guarded<&finish_configuration>, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_child_init(guarded<&start_child>, nullptr, nullptr, APR_HOOK_MIDDLE);
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 110)  // httpd 2.4.49
  ap_hook_child_stopping(guarded<&retire>, nullptr, nullptr, APR_HOOK_MIDDLE);
#endif
}

}  // namespace brine::apache

#include "apache/process/daemons.hpp"

#include <ap_listen.h>
#include <ap_mpm.h>
#include <mpm_common.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <deque>
#include <fstream>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "apache/config/daemon_groups.hpp"
#include "apache/config/script_names.hpp"
#include "apache/config/settings.hpp"
#include "apache/guarded.hpp"
#include "apache/log.hpp"
#include "apache/process/events.hpp"
#include "apache/process/installed.hpp"
#include "apache/process/predecessors.hpp"
#include "apache/process/process.hpp"
#include "base/clock.hpp"
#include "base/pool.hpp"
#include "daemon/shared/endpoints.hpp"
#include "daemon/supervisor/supervisor.hpp"
#include "engine/engine_loader.hpp"

namespace brine::apache {

namespace {

// A supervisor that dies repeatedly is restarted at most once in this time.
constexpr base::Nanos kRestartInterval = base::kSecond;

// The time that stands for shutdown-timeout=0 when httpd itself ends.
constexpr daemon::Duration kUnlimited = std::chrono::minutes(1);

// The end of the last process may take this much longer than shutdown-timeout.
constexpr base::Nanos kGrace = 2 * base::kSecond;

Predecessors& predecessors() {
  constexpr const char* kKey = "brine-supervisors";
  Predecessors* found = Predecessors::in(ap_retained_data_get(kKey));
  return found != nullptr ? *found
                          : *new (ap_retained_data_create(kKey, sizeof(Predecessors))) Predecessors;
}

// Returns the arguments as ps shows them, since httpd has changed those that it was given.
std::vector<std::string> own_arguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(file, argument, '\0');) arguments.push_back(argument);
  return arguments;
}

std::string explain_missing_worker() {
  return std::string("BRINE0640: there is no ") + kWorkerProgram + " beside mod_brine.so, nor in " +
         BRINE_ENGINE_DIRECTORY +
         ": daemon processes cannot be started; install both from the same build";
}

// Returns the rules for the interpreters of a group's processes.
engine::InterpreterRules rules_of(const daemon::Group& group) {
  const ProcessSettings& settings = server_settings(ap_server_conf).process;
  RuledProcesses processes{group.name};
  processes.other_python = group.python != engine::effective_version(settings.python);
  if (group.switch_interval > 0) processes.own.switch_interval = {group.switch_interval};
  for (const std::string& directory : group.python_path) {
    processes.own.python_path.push_back({directory, group.python_path_origin});
  }
  engine::InterpreterRules rules = interpreter_rules(settings.interpreters, processes);
  // home= is the first directory of all.
  if (!group.home.empty()) {
    engine::InterpreterOptions home;
    home.python_path = {{group.home, group.home_origin}};
    rules.push_back({std::nullopt, home});
  }
  return rules;
}

class HttpdHost final : public daemon::Host {
 public:
  explicit HttpdHost(const server_rec* main_server) : main_server_(main_server) {
    ap_mpm_query(AP_MPMQ_GENERATION, &generation_);
    for (const DaemonGroup& group : daemon_groups()) logs_.emplace_back(group.server);
  }

  base::LogSink& log(const daemon::Group& group) noexcept override {
    return logs_[index_of(group)];
  }

  base::Level log_level(const daemon::Group& group) override {
    const server_rec* server = daemon_groups()[index_of(group)].server;
    return least_level(server);
  }

  int generation() const noexcept override { return generation_; }

  void tell(const metrics::LifeEvent& event) noexcept override { tell_event(event); }

  std::optional<daemon::Program> program(const daemon::Group& group) override {
    const InstalledFile* worker = installed_files().worker();
    const InstalledFile* engine = installed_files().engine(group.python);
    if (worker == nullptr) log(group).log(base::Level::error, explain_missing_worker());
    if (engine == nullptr) {
      log(group).log(base::Level::error, engine::explain_missing(group.python));
    }
    if (worker == nullptr || engine == nullptr) return std::nullopt;
    daemon::Program program{worker->fd.get(), engine->fd.get(), engine->path, {}, {}};
    program.at_terminal = shared_engine_config().at_terminal;
    if (group.display_name.empty()) {
      program.arguments = own_arguments();
      program.process_name = main_server_->process->short_name;
    } else {
      program.arguments = {group.display_name};
      program.process_name = group.display_name;
    }
    return program;
  }

  engine::Config engine_config(const daemon::Group& group) override {
    engine::Config config = shared_engine_config();
    config.program = group.program;
    config.home = group.prefix;
    config.interpreter_rules = rules_of(group);
    config.python_eggs = group.python_eggs;
    config.named_scripts = named_scripts(group.name);
    config.process_group = group.name;
    config.maximum_processes = group.processes;
    config.threads_per_process = group.threads;
    config.service = group.is_service();
    config.log_level = log_level(group);
    config.multithread = group.threads > 1;
    // Several interpreters share no objects, as processes do not.
    config.multiprocess = group.multiprocess || group.interpreters > 1;
    config.interpreters = group.interpreters;
    config.script_user = group.script_user;
    config.script_group = group.script_group;
    return config;
  }

 private:
  static std::size_t index_of(const daemon::Group& group) noexcept {
    const std::vector<DaemonGroup>& groups = daemon_groups();
    const auto found = std::find_if(groups.begin(), groups.end(),
                                    [&](const DaemonGroup& g) { return &g.group == &group; });
    return static_cast<std::size_t>(found - groups.begin());
  }

  const server_rec* main_server_;
  int generation_ = 0;
  std::deque<ServerLog> logs_;  ///< one for each group
};

// Returns the groups whose processes can be started.
std::vector<const daemon::Group*> groups_in_order() {
  std::vector<const daemon::Group*> result;
  for (const DaemonGroup& group : daemon_groups()) {
    if (group.fault.empty()) result.push_back(&group.group);
  }
  return result;
}

}  // namespace

// All daemon processes of one configuration, as one of httpd's processes sees them. The object
// lives in pconf, so httpd's ends are closed with the configuration.
class Daemons {
 public:
  explicit Daemons(server_rec* main_server)
      : owner_(::getpid()),
        main_server_(main_server),
        host_(main_server),
        endpoints_(groups_in_order(), *server_settings(main_server).board) {}

  ~Daemons() {
    if (::getpid() != owner_) return;
    apr_pool_cleanup_kill(main_server_->process->pool, this, stop_for_good);
    if (supervisor_.pid > 0) predecessors().add(supervisor_.pid);
  }
  Daemons(const Daemons&) = delete;
  Daemons& operator=(const Daemons&) = delete;

  /// Starts the supervisor, in httpd's first process, once for each configuration.
  void start(apr_pool_t* pconf) {
    pconf_ = pconf;
    watch_predecessors();
    apr_pool_pre_cleanup_register(main_server_->process->pool, this, stop_for_good);
    fork_supervisor();
  }

  /// Tries a fork that the system refused again. httpd's first process calls this in its `monitor`
  /// hook.
  void tend() {
    if (supervisor_.pid == 0) fork_supervisor();
  }

  /// Closes the supervisor's ends, in a child of httpd.
  void enter_child() {
    if (::getpid() != owner_) {
      endpoints_.keep_httpds_ends();
      endpoints_.hide_from_forks();
    }
    for (std::size_t i = 0; i < endpoints_.groups().size(); ++i) {
      clients_.push_back(std::make_unique<daemon::Client>(*endpoints_.groups()[i], i,
                                                          endpoints_.scoreboard().group(i),
                                                          endpoints_.introductions_sender()));
    }
  }

  daemon::Client* client(std::string_view name) {
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      if (endpoints_.groups()[i]->name == name) return clients_[i].get();
    }
    return nullptr;
  }

  std::vector<DaemonState> states() const {
    std::vector<DaemonState> result;
    for (std::size_t i = 0; i < endpoints_.groups().size(); ++i) {
      result.push_back({*endpoints_.groups()[i], endpoints_.scoreboard().group(i)});
    }
    return result;
  }

 private:
  void fork_supervisor() {
    forked_at_ = base::now();
    const pid_t pid = ::fork();
    if (pid < 0) {
      ServerLog(main_server_)
          .log(base::Level::error,
               std::string(
                   "BRINE0621: the supervisor of the daemon processes could not be forked: ") +
                   std::strerror(errno) + "; tried again within ten seconds");
      return;
    }
    if (pid == 0) {
      ap_close_listeners();
      daemon::run_supervisor(endpoints_, host_);
    }
    supervisor_.pid = pid;
    apr_proc_other_child_register(&supervisor_, &Daemons::supervisor_news, this, nullptr, pconf_);
  }

  // httpd's first process calls this when a child that httpd does not know has ended, and when all
  // have to end.
  static void supervisor_news(int reason, void* data, int status) noexcept {
    auto& self = *static_cast<Daemons*>(data);
    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) return;
    apr_proc_other_child_unregister(data);
    self.supervisor_.pid = 0;
    int state = 0;
    if (ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING) return;
    ServerLog(self.main_server_)
        .log(base::Level::error,
             "BRINE0620: the supervisor of the daemon processes ended (" +
                 (WIFSIGNALED(status) ? "signal " + std::to_string(WTERMSIG(status))
                                      : "exit code " + std::to_string(WEXITSTATUS(status))) +
                 "); a new one takes over");
    self.restart_supervisor();
  }

  void restart_supervisor() {
    const base::Nanos lived = base::now() - forked_at_;
    if (lived < kRestartInterval) {
      ::usleep(static_cast<useconds_t>((kRestartInterval - lived) / 1000));
    }
    fork_supervisor();
  }

  // Registers the earlier supervisors, which httpd would otherwise call "long lost children".
  void watch_predecessors() {
    for (pid_t& pid : predecessors().pids) {
      if (pid == 0) continue;
      if (::waitpid(pid, nullptr, WNOHANG) != 0) {
        pid = 0;
        continue;
      }
      auto* process = static_cast<apr_proc_t*>(apr_pcalloc(pconf_, sizeof(apr_proc_t)));
      process->pid = pid;
      apr_proc_other_child_register(process, &Daemons::predecessor_news, process, nullptr, pconf_);
    }
  }

  static void predecessor_news(int reason, void* data, int) noexcept {
    if (reason != APR_OC_REASON_DEATH && reason != APR_OC_REASON_LOST) return;
    apr_proc_other_child_unregister(data);
    predecessors().remove(static_cast<apr_proc_t*>(data)->pid);
  }

  // Waits, in httpd's first process, until the daemon processes have ended, since httpd ends.
  static apr_status_t stop_for_good(void* data) noexcept {
    auto& self = *static_cast<Daemons*>(data);
    if (::getpid() != self.owner_) return APR_SUCCESS;
    std::vector<pid_t> supervisors = {self.supervisor_.pid};
    for (const pid_t pid : predecessors().pids) supervisors.push_back(pid);
    std::erase(supervisors, 0);
    for (const pid_t pid : supervisors) ::kill(pid, SIGTERM);
    self.await(supervisors);
    self.supervisor_.pid = 0;
    return APR_SUCCESS;
  }

  void await(std::vector<pid_t>& supervisors) const {
    daemon::Duration longest{0};
    for (const daemon::Group* group : endpoints_.groups()) {
      const daemon::Duration time = group->limits.shutdown_timeout;
      longest = std::max(longest, time.count() == 0 ? kUnlimited : time);
    }
    const base::Nanos deadline = base::now() + base::nanos(longest) + kGrace;
    while (!supervisors.empty() && base::now() < deadline) {
      std::erase_if(supervisors, [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
      if (!supervisors.empty()) ::usleep(5000);
    }
    for (const pid_t pid : supervisors) ::kill(pid, SIGKILL);
  }

  const pid_t owner_;
  server_rec* main_server_;
  HttpdHost host_;
  daemon::Endpoints endpoints_;
  apr_pool_t* pconf_ = nullptr;
  apr_proc_t supervisor_{};
  base::Nanos forked_at_ = 0;
  std::vector<std::unique_ptr<daemon::Client>> clients_;  ///< one for each group; in children only
};

namespace {

Daemons*& daemons() { return server_settings(ap_server_conf).daemons; }

int start_daemons(apr_pool_t* pconf, apr_pool_t*, apr_pool_t*, server_rec* main_server) {
  // httpd reads the configuration twice when it starts; only the second reading starts processes.
  if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG || groups_in_order().empty()) {
    return OK;
  }
  try {
    daemons() = base::pool_emplace<Daemons>(pconf, main_server);
    daemons()->start(pconf);
    return OK;
  } catch (const std::system_error& error) {
    ServerLog(main_server)
        .log(base::Level::error,
             std::string("BRINE0622: the daemon process groups cannot be set up: ") + error.what() +
                 "; each needs a descriptor in httpd's first process (see 'ulimit -n')");
    return HTTP_INTERNAL_SERVER_ERROR;
  }
}

void enter_child(apr_pool_t*, server_rec*) {
  if (daemons() != nullptr) daemons()->enter_child();
}

// httpd calls this every ten seconds, unless it is starting or ending.
int tend_daemons(apr_pool_t*, server_rec*) {
  if (daemons() != nullptr) daemons()->tend();
  return OK;
}

}  // namespace

daemon::Client* daemon_client(std::string_view group) {
  return daemons() != nullptr ? daemons()->client(group) : nullptr;
}

std::vector<DaemonState> daemon_states() {
  return daemons() != nullptr ? daemons()->states() : std::vector<DaemonState>();
}

void register_daemon_hooks() {
  ap_hook_post_config(guarded<&start_daemons>, nullptr, nullptr, APR_HOOK_LAST);
  ap_hook_child_init(guarded<&enter_child>, nullptr, nullptr, APR_HOOK_MIDDLE);
  ap_hook_monitor(guarded<&tend_daemons>, nullptr, nullptr, APR_HOOK_MIDDLE);
}

}  // namespace brine::apache

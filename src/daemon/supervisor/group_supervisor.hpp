// GroupSupervisor runs one group in the supervisor: it starts, replaces and ends the group's
// processes. lifecycle.hpp and rollout.hpp decide what is to be done.
#pragma once

#include <poll.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "daemon/shared/endpoints.hpp"
#include "daemon/shared/fork_order.hpp"
#include "daemon/shared/handover.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/supervisor/group_log.hpp"
#include "daemon/supervisor/group_size.hpp"
#include "daemon/supervisor/host.hpp"
#include "daemon/supervisor/process.hpp"
#include "daemon/supervisor/rollout.hpp"
#include "daemon/supervisor/script_look.hpp"
#include "daemon/supervisor/script_registry.hpp"
#include "daemon/supervisor/start_line.hpp"

namespace brine::daemon {

/// A process that has loaded the group's scripts, from which its daemon processes are forked.
struct Template {
  Process process;  ///< has no slot
  bool is_ready = false;
  bool is_ended = false;      ///< the template was told to end, and has not been reaped
  bool is_aborted = false;    ///< it writes its stacks, and ends: a process that waits for it hangs
  base::Nanos used_at = 0;    ///< when a process was last ordered or forked, or it became ready
  base::Nanos forked_at = 0;  ///< when a process was last forked from it; 0: none
  std::size_t scripts = 0;    ///< number of scripts that it was told to load
  ScriptVersions versions;    ///< those that it has loaded, or loads
};

/// The supervisor's part for one group. Functions are called by its only thread.
class GroupSupervisor {
 public:
  /// Takes over processes that a dead supervisor has left. `index` is the group's place in
  /// `endpoints`. Throws std::system_error.
  GroupSupervisor(std::size_t index, Endpoints& endpoints, Host& host);

  /// Returns true if the group has no process.
  bool empty() const { return processes_.empty() && templates_.empty(); }

  /// Does what is due now, except for starting processes.
  void tend(base::Nanos now);

  /// Returns how many processes have to be started and how urgently, or nothing if none is missing.
  std::optional<Claim> claim(base::Nanos now);
  /// Returns how many processes are starting; those that take longer than kLongestHold do not
  /// count.
  std::ptrdiff_t places_held(base::Nanos now) const;
  /// Starts one of the missing processes.
  void start(base::Nanos now);
  /// Tells httpd's children that the missing processes wait for their turn.
  void note_line(base::Nanos now);

  /// Returns the time by which tend() has to be called again.
  base::Nanos next_look(base::Nanos now) const;

  /// Adds the descriptors of control channels, logs and the look at scripts.
  void add_to(std::vector<pollfd>& fds) const;
  /// Handles the packets of the processes, and writes what they have logged.
  void read_all(base::Nanos now);

  /// Hears which processes a template has forked.
  void read_births(base::Nanos now);

  /// Handles what one of httpd's processes has told about this group.
  void hear(Introduced introduced);

  /// Handles the end of a child of the supervisor, which may be of another group.
  void reap(pid_t pid, int status, const rusage& usage);

  /// Replaces each process when its successor is ready.
  void evict_all();

  /// Ends the group since httpd's processes have gone or are going; no new processes are started.
  void end(Reason reason);

  /// Notes that httpd has a new configuration, and another supervisor the numbers of its groups.
  /// Ends the group if it is a service, which those of httpd's processes do not need that go on
  /// with the old configuration.
  void supersede();

 private:
  // Functions of a process's life:
  void happen(Process& process, Event event, Reason reason = Reason::none);
  void act(const Process& process, Action action);
  Slot* free_slot() const;
  void not_started(Slot& slot, const std::string& why, base::Nanos now);
  std::uint32_t prepare(Slot& slot, std::size_t index, base::Nanos now) const;
  Handover handover_of(const Process& process, const Program& program) const;
  void evict(Process& process);
  void ready(Process& process, bool scripts_loaded);
  void serve(Process& process);
  void note_fresh_memory(Process& process);

  void tell_not_forked(const std::string& why) const;
  void execute(Process& process, const FarEnds& far, const Program& program,
               const Handover& handover) const;
  void note_started(Process& process, base::Nanos now);

  // Functions for the template, in group_supervisor_template.cpp:
  bool forks_processes() const;
  Template* usable_template();
  Template* template_of(const Process& process);
  void lost(Process& process, base::Nanos now);
  bool is_leaving(const Process& process);
  Template& start_template(Program program, base::Nanos now);
  void start_spare_template(base::Nanos now);
  void wait_for_template(Process& process, const Program& program, base::Nanos now);
  void tend_templates(base::Nanos now);
  void give_up_hung_templates(base::Nanos now);
  void give_up_waiting(Template& one, base::Nanos waited);
  bool is_idle(const Template& one, base::Nanos now) const;
  bool lacks_template(base::Nanos now) const;
  void order_processes(base::Nanos now);
  void born(Process& process, const Sender& sender, base::Nanos now);
  void not_forked(Process& process, const std::string& why, base::Nanos now);
  void start_alone(Process& process, base::Nanos now);
  static void forget_usage(Process& process);
  void abandon(Process& process);
  static bool is_of(const Process& process, const Template& one);
  void handle(Template& from, const Packet& packet);
  void template_saw(Template& from, const ScriptVersions& scripts);
  void template_is_old(const Template& from, const std::string& path);
  void note_unfit(Template& one, const std::string& why);
  void tell_unfit(pid_t pid, const std::string& why) const;
  static constexpr const char* kEndsEarly = "what it forks ends before it is ready";
  bool blames_fork(const Process& process, bool killed);
  void give_forks_up(const Process& process, const std::string& why);
  void end_template(Template& one, Reason reason);
  void end_templates(Reason reason);
  void abort_template(Process& process);
  void tell_of_loss(const std::string& what) const;
  void tell_of(const Template& one, metrics::ProcessEvent event) const;
  bool reap_template(pid_t pid, int status, const rusage& usage);
  void note_template_end(Template& ended, int status, long peak_kib);
  bool blames_load(int status);
  bool tell_of_end_with(Template& ended, int status, long peak_kib);

  // Functions that handle what a process says:
  template <class Teller>
  void read(Process& process, Teller& teller, base::Nanos now);
  void read_last_words(pid_t pid, base::Nanos now);
  void handle(Process& process, const Packet& packet);
  void told_to_retire(Process& process, Reason reason);
  void scripts_seen(Process& process, const ScriptVersions& scripts);
  void script_failed(Process& process, const ScriptFailure& failure);
  void tell_of_failure(const Process& process, const ScriptFailure& failure);
  void pass_on(const Introduction& introduction, const base::UniqueFd& connection);

  // Functions that decide which code the group's processes run, in group_supervisor_code.cpp:
  void publish();
  void script_loaded(Process& process, const std::string& text);
  ScriptVersions had_by_others(const Process& process) const;
  Merits merits_of(const Process& process) const;
  bool keep(Process& process, const ScriptVersions& lacking);
  bool is_needed(const Process& process) const;
  bool is_redundant(const Process& process) const;
  void note_lacking(const Process& process, const ScriptVersions& kept);
  void has_script(const std::string& path);
  bool lacking_changed() const;
  void load_lacking(base::Nanos now);
  void script_changed(const Process& process, const std::string& path);
  void take_changed_script(const Process& process, const std::string& path);
  void look_at_scripts(base::Nanos now);
  ScriptVersions tried_by(const Process& process) const;
  bool end_stuck_starts();
  void ask_for_new_code();
  void discard(Process& process);
  void reject_code(const Process& process, const ScriptVersions& scripts);
  void keep_old_code(const Process& rejected, bool news);
  void pass_over(std::uint32_t code, const ScriptVersions& scripts);
  void note_overdue(Process& process);
  void note_hung(const Process& process, base::Nanos now);
  void wait_for_slot(base::Nanos now);
  static void tell_of_failure(const Process& process, const ScriptVersions& scripts);

  // Functions that handle what time brings:
  void examine(Process& process, base::Nanos now);
  Vitals vitals(const Process& process, base::Nanos now) const;
  Limits limits_of(const Process& process) const;
  std::uint64_t grown_memory(const Process& process) const;
  void count_missing(base::Nanos now);
  void drain_replaced();

  // Functions that grow and shrink the group, in group_supervisor_size.cpp:
  void resize(base::Nanos now);
  Load load(base::Nanos now) const;
  void note_size(std::ptrdiff_t before, const Load& load);
  void retire_surplus(base::Nanos now);

  // Functions of a process's end:
  void note_end(Process& process, int status, long peak_kib);
  void move_out(Process& process);
  void plan_after_death(const Process& process, int status);
  bool was_of_use(const Process& process) const;
  void send_signal(const Process& process, int number) const;

  // Functions for what a dead supervisor has left:
  void adopt_orphans();
  void look_for_orphans();

  // Functions that show the processes, in group_supervisor_numbers.cpp:
  void count_cpu(Process& process, base::Nanos cpu) const;
  void count_last_cpu(Process& process, const rusage& usage) const;
  void look_at_usage(Process& process, base::Nanos now) const;
  void show(Process& process, base::Nanos now) const;
  void show_processes(base::Nanos now);
  static void hide(Process& process);
  void adopt_row(Process& process) const;
  metrics::LifeEvent event_of(const Process& process, metrics::ProcessEvent event) const;
  metrics::LifeEvent end_of(const Process& process, const ExitReport& exit_report) const;

  Census census() const;
  bool others_serve() const;

  const std::size_t index_;
  Endpoints& endpoints_;
  Host& host_;
  const Group& group_;
  const Limits& limits_;
  const GroupView view_;
  base::LogSink& log_;
  GroupLog group_log_;
  std::list<Process> processes_;
  std::list<Template> templates_;        ///< the newest is the last; one at most is used
  std::uint32_t unfit_code_ = 0;         ///< code whose template cannot be forked; 0: none
  unsigned killed_at_fork_ = 0;          ///< in a row, of what was forked, or was lost
  unsigned killed_at_load_ = 0;          ///< templates that nobody waited for, in a row
  unsigned template_deaths_ = 0;         ///< in a row, of templates that no process waited for
  base::Nanos template_not_before_ = 0;  ///< no spare template is started before this time
  ScriptRegistry scripts_;
  ScriptLook look_;
  Rollout rollout_;
  GroupSize size_;
  std::ptrdiff_t growing_ = 0;     ///< missing processes by which the group grows
  std::uint64_t started_ = 0;      ///< processes that have been started
  std::ptrdiff_t missing_ = 0;     ///< processes that are to be started now
  base::Nanos missing_since_ = 0;  ///< 0: none is missing
  bool ending_ = false;
  bool superseded_ = false;     ///< another supervisor has the group of the next configuration
  bool memory_warned_ = false;  ///< BRINE0619 has been said
};

}  // namespace brine::daemon

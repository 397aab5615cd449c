// One group's part of the supervisor: starts its processes, replaces them, lets them go.
#pragma once

#include <poll.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

#include "daemon/shared/endpoints.hpp"
#include "daemon/shared/handover.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/supervisor/host.hpp"
#include "daemon/supervisor/policy.hpp"
#include "daemon/supervisor/process.hpp"
#include "daemon/supervisor/script_registry.hpp"
#include "daemon/supervisor/worker_log.hpp"

namespace brine::daemon {

class GroupSupervisor {
 public:
  /// `index`: of the group among those of `endpoints`. Throws std::system_error.
  GroupSupervisor(std::size_t index, Endpoints& endpoints, Host& host);

  bool empty() const { return processes_.empty(); }

  /// Does what has to be done now; returns when to come again at the latest.
  base::Nanos tend(base::Nanos now);

  /// Adds the descriptors over which processes say something.
  void add_to(std::vector<pollfd>& fds) const;
  /// Hears what they have said, and writes what they have logged.
  void read_all(base::Nanos now);

  /// What one of httpd's processes has to say of this group.
  void hear(Introduced introduced);

  /// A child of the supervisor has ended. False: it was none of this group.
  bool reap(pid_t pid, int status, const rusage& usage);

  /// Replaces all processes, each when its successor is ready.
  void evict_all();

  /// httpd's processes have gone, or are going: the last ones leave, and no new ones come.
  void end(Reason reason, base::Nanos now);

  /// Likewise, but only where the group is a service: httpd has another configuration, and those of
  /// its processes that go on with this one need none.
  void end_service(base::Nanos now);

 private:
  // A process's life.
  void start(base::Nanos now);
  void not_started(Slot& slot, const std::string& why, base::Nanos now);
  std::uint32_t prepare(Slot& slot, std::size_t index, base::Nanos now) const;
  struct Launch;
  Launch prepare_launch(Process& process) const;
  Handover handover_of(const Process& process, const Program& program) const;
  void fork_worker(Process& process, const Program& program);
  void ready(Process& process, bool scripts_loaded);
  void note_fresh_memory(Process& process);
  void retire(Process& process, Reason reason);
  void drain(Process& process, Reason reason, Duration time, base::Nanos now);
  void send_off(Process& process, Reason reason, Duration time, base::Nanos now);
  void stop(Process& process, Reason reason, base::Nanos now);
  void abort(Process& process, Reason reason, base::Nanos now);

  // What a process says.
  void handle(Process& process, const Packet& packet);
  void told_to_retire(Process& process, Reason reason);
  void is_leaving(Process& process);
  void script_failed(Process& process, const ScriptFailure& failure);
  void tell_of_failure(const Process& process, const ScriptFailure& failure);
  void read_records(Process& process, base::Nanos now);
  void keep_reader(Process& process);
  void tell_of_flood(LogBudget& budget, const std::string& writer, base::Nanos now);
  void pass_on(const Introduction& introduction, const base::UniqueFd& connection);

  // Which code its processes are to run: group_supervisor_code.cpp.
  void script_loaded(Process& process, const std::string& text);
  bool others_have_more(const Process& process) const;
  void note_lacking(const Process& process);
  bool lacking_changed() const;
  void load_lacking(base::Nanos now);
  void script_changed(const Process& process, const std::string& path);
  bool is_news(const Process& process, const std::string& path) const;
  bool end_stuck_starts(base::Nanos now);
  void ask_for_new_code();
  void discard(Process& process);
  void reject_code(const Process& process, const ScriptVersions& scripts);
  bool keep_old_code(std::uint32_t code, const ScriptVersions& scripts);
  void note_overdue(Process& process);
  void wait_for_slot(base::Nanos now);
  static void tell_of_failure(const Process& process, const ScriptVersions& scripts);
  bool blame_code(const Process& process);
  void plan_retry();
  bool is_overdue(const Process& process, base::Nanos now) const;

  // What time brings.
  void examine(Process& process, base::Nanos now);
  void examine_serving(Process& process, base::Nanos now);
  bool is_deadlocked(const Process& process, base::Nanos now) const;
  Vitals vitals(const Process& process) const;
  void start_missing(base::Nanos now);
  void drain_replaced(base::Nanos now);
  base::Nanos next_look(base::Nanos now) const;

  // The end.
  void report(const Process& process, int status, long peak_kib) const;
  void clear_slot(const Process& process);
  void plan_after_death(const Process& process, int status);
  bool was_of_use(const Process& process) const;
  void send_signal(const Process& process, int number) const;
  void wait_longer(const Process& process, unsigned free_of_charge);

  // What a supervisor that died has left.
  void adopt_orphans();
  void look_for_orphans();

  /// How many processes are in one of these phases.
  std::ptrdiff_t count(std::initializer_list<Phase> phases) const;

  const std::size_t index_;
  Endpoints& endpoints_;
  Host& host_;
  const Group& group_;
  const Limits& limits_;
  const GroupView view_;
  base::LogSink& log_;
  OutputPipe output_;
  LogBudget output_budget_;
  std::list<RecordReader> old_records_;  ///< of processes that have ended
  std::list<Process> processes_;
  ScriptRegistry scripts_;
  bool ending_ = false;
  bool memory_warned_ = false;     ///< BRINE0619 has been said
  std::uint32_t proven_code_ = 0;  ///< the newest code that a process has loaded
  unsigned failures_ = 0;          ///< deaths in a row of processes that had been of no use
  base::Nanos not_before_ = 0;     ///< until then no process is started
  bool fork_refused_ = false;      ///< the last attempt came no further
  unsigned exhausted_ = 0;         ///< processes in a row that soon had no descriptors left
  base::Nanos retry_at_ = 0;       ///< when scripts that do not load are tried again; 0: they do
  unsigned retries_ = 0;
  base::Nanos load_at_ =
      0;                ///< when processes try again what no request asks for; 0: they have all
  unsigned loads_ = 0;  ///< such attempts in a row
  base::Nanos full_since_ = 0;  ///< since then there has been no free slot to start a process in
};

}  // namespace brine::daemon

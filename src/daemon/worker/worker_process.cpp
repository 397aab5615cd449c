#include "daemon/worker/worker_process.hpp"

#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <future>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/request_text.hpp"
#include "base/shared_memory.hpp"
#include "base/stamp.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/log_channel.hpp"
#include "daemon/shared/signals.hpp"
#include "daemon/worker/identity.hpp"
#include "daemon/worker/load_log.hpp"
#include "daemon/worker/process_start.hpp"
#include "daemon/worker/python_thread.hpp"
#include "daemon/worker/request_deadline.hpp"
#include "daemon/worker/request_server.hpp"
#include "daemon/worker/template_process.hpp"
#include "daemon/worker/warm_up.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;

namespace {

// An orphan checks this often whether a new supervisor has put other processes in its place.
constexpr Nanos kOrphanTick = 100 * base::kMillisecond;

// The monitor does not look more often than this for requests that have just become slow.
constexpr Nanos kShortestWait = 10 * base::kMillisecond;

constexpr Duration kForEver = std::chrono::hours(24 * 365);

// A daemon process from its start to its end. The main thread runs it, and is the monitor of the
// requests.
class Worker {
 public:
  // `engine` and `scripts` are those of the template which has forked the process; without an
  // engine the process starts one.
  Worker(const Handover& handover, WorkerContext context, engine::Engine* engine,
         ScriptVersions scripts, base::LogSink& log)
      : handover_(handover),
        context_(std::move(context)),
        group_(context_.group),
        log_(log),
        memory_(*context_.memory.memory),
        times_{base::nanos(group_.limits.request_timeout),
               base::nanos(group_.limits.interrupt_timeout)},
        patience_(group_.limits.shutdown_timeout.count() != 0 ? group_.limits.shutdown_timeout
                                                              : kForEver),
        engine_(engine),
        is_forked_(engine != nullptr),
        scripts_of_template_(std::move(scripts)),
        watched_(static_cast<std::size_t>(group_.threads)) {}

  [[noreturn]] void run() {
    if (engine_ == nullptr) engine_ = &start_process(handover_, log_);
    python_thread_.start();
    loader_.start();
    if (group_.is_service()) run_service();
    const bool loaded = load_scripts();
    // Compiling leaves much memory free. In a forked process, its template's is shared.
    if (!is_forked_) ::malloc_trim(0);
    server_.emplace(context_, *engine_, log_, [this](const Packet& packet) { tell(packet); });
    for (const Script& script : failed_) server_->note_missing(script);
    warm_up();
    server_->start();
    touch_gils(base::now());
    tell({Message::ready, static_cast<std::uint8_t>(loaded ? 1 : 0), {}});
    while (!leaving_) step();
    leave_service();
  }

 private:
  void tell(const Packet& packet) noexcept { send_packet(context_.control.get(), packet); }

  bool load_scripts() {
    bool all = true;
    for (const Script& script : context_.scripts) {
      if (told_) break;
      if (has_from_template(script)) continue;
      // A script that only requests named need not load after it was removed: httpd answers 404.
      if (script.learnt && ::access(script.path.c_str(), F_OK) != 0 && errno == ENOENT) continue;
      if (load(script)) continue;
      all = all && !script.settings.keep_last_good;
      failed_.push_back(script);
    }
    return all;
  }

  // A script that has changed since the fork is not loaded here: the process would be the only one
  // with the new code, among modules of the old. It serves what it has until a request notices.
  bool has_from_template(const Script& script) const {
    return is_shared(script) && scripts_of_template_.contains(script.path);
  }

  // Loads a script, and tells the supervisor about a failure together with the log records.
  bool load(const Script& script) {
    wsgi::Target target = target_of(script);
    // A service's script is executed, and nothing of it is called.
    if (group_.is_service()) target.callable = {};
    // The version is taken first: a change while the script loads is to be noticed.
    const std::int64_t version = base::version_of(script.path);
    tell({Message::seen, 0, pack(ScriptVersions{{script.path, version}})});
    LoadLog log(log_);
    const bool loaded = engine_->preload(target, log);
    end_if_forked();
    ScriptFailure failure{script.path, version, log.take()};
    if (loaded) {
      for (const std::string& record : failure.records) log_.log(Level::error, record);
      return true;
    }
    failure.records.push_back("BRINE0614: the script '" + script.path +
                              "' could not be loaded beforehand by a process of daemon group '" +
                              group_.name + "'");
    tell({Message::script_failed, 0, pack(failure)});
    return false;
  }

  // Makes the requests of warm-up=, but those that a template has made. An order to end comes
  // first.
  void warm_up() {
    std::vector<WarmUp> requests = group_.warm_ups;
    std::erase_if(requests, [this](const WarmUp& request) {
      return (is_forked_ && is_shared(request.script)) || has_failed(request.script);
    });
    if (requests.empty()) return;
    warm_up_.emplace(std::move(requests), group_, *engine_, log_, began_);
    warm_up_->start();
    while (warm_up_->go_on(base::now()) && !(draining_ || stopping_ || orphan_)) {
      wait(std::max<Nanos>(std::min(time_to_wait(), warm_up_->look_again() - base::now()), 0),
           warm_up_->ended_fd());
      handle_signals();
      handle_packets();
    }
  }

  bool has_failed(const Script& script) const {
    return std::any_of(failed_.begin(), failed_.end(), [&](const Script& failed) {
      return failed.path == script.path && failed.application_group == script.application_group;
    });
  }

  [[noreturn]] void run_service() {
    meet_python();
    std::thread([this]() noexcept { watch_service(); }).detach();
    tell({Message::ready, 1, {}});
    load_scripts();
    const bool told = told_.exchange(true);
    if (!told) tell({Message::retire, static_cast<std::uint8_t>(Reason::finished), {}});
    // If watch_service() has given the scripts up, it ends the process.
    while (shutting_down_.exchange(true)) ::pause();
    const Nanos left = std::max<Nanos>(exit_callbacks_end_ - base::now(), 0);
    engine_->shutdown(
        told ? std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(left)) : patience_,
        stopping_word(told ? reason_.load() : Reason::finished));
    ::_exit(kExitOk);
  }

  // Has the asking thread take the main interpreter's GIL once: only then will it get that GIL
  // while a script computes.
  void meet_python() {
    const auto met = std::make_shared<std::promise<void>>();
    python_thread_.ask([this, met]() noexcept {
      engine_->touch_gils();
      met->set_value();
    });
    met->get_future().wait();
  }

  void watch_service() {
    for (;;) {
      wait(time_to_watch());
      handle_signals();
      handle_packets();
      if (orphan_) serve_as_orphan();
      if (draining_ || stopping_ || (orphan_ && is_shut_out())) end_scripts();
      if (stop_deadline_ != 0 && base::now() >= stop_deadline_) give_up_scripts();
    }
  }

  Nanos time_to_watch() const {
    const Nanos tick = orphan_ ? kOrphanTick : base::kTick;
    if (stop_deadline_ == 0) return tick;
    return std::clamp<Nanos>(stop_deadline_ - base::now(), 0, tick);
  }

  // Tells the scripts to end; the main thread then ends the process. They have 80 % of
  // shutdown-timeout before they are given up.
  void end_scripts() {
    if (ending_scripts_) return;
    ending_scripts_ = true;
    begin_stop();
    exit_callbacks_end_ = base::now() + base::nanos(patience_) / 10 * 9;
    if (told_.exchange(true)) return;
    python_thread_.ask([this]() noexcept { engine_->end_script(ending_signal_); });
  }

  // Cuts the scripts off. The supervisor ends what still does not end; an orphan, which may have no
  // supervisor, ends itself.
  void give_up_scripts() {
    if (given_up_) {
      if (orphan_) ::_exit(kExitOk);
      stop_deadline_ = 0;
      return;
    }
    given_up_ = true;
    stop_deadline_ += base::nanos(patience_) / 10 * 2;
    if (shutting_down_.exchange(true)) return;  // only exit callbacks are still running
    log_.log(Level::warning, "BRINE0628: process " + std::to_string(::getpid()) +
                                 " of daemon group '" + group_.name +
                                 "' was told to end, but its script went on for 80 % of "
                                 "shutdown-timeout; it is cut off");
    loader_.ask([this]() noexcept {  // another thread, as the GIL may never be free
      engine_->shutdown(patience_ / 10, stopping_word(reason_));
      ::_exit(kExitOk);
    });
  }

  // Runs one round of the monitor.
  void step() {
    wait(time_to_wait());
    handle_signals();
    handle_packets();
    const Nanos now = base::now();
    watch_requests(now);
    show_stacks();
    touch_gils(now);
    server_->mend_count();
    server_->look_for_computing(now);
    if (orphan_) serve_as_orphan();
    if ((draining_ || stopping_ || orphan_) && is_shut_out() && server_->idle()) leaving_ = true;
    if (stop_deadline_ != 0 && now >= stop_deadline_) leaving_ = true;
  }

  // Returns true if no request is let in any more, or another process has the slot.
  bool is_shut_out() const {
    const Gate gate = gate_of(memory_.gate.load());
    return gate.closed || gate.incarnation != context_.incarnation;
  }

  void wait(Nanos time, int other = -1) const {
    pollfd fds[] = {{orphan_ ? -1 : context_.control.get(), POLLIN, 0},
                    {signal_fd(), POLLIN, 0},
                    {server_ ? server_->drained_fd() : -1, POLLIN, 0},
                    {other, POLLIN, 0}};
    const timespec limit{time / base::kSecond, time % base::kSecond};
    ::ppoll(fds, std::size(fds), &limit, nullptr);
    std::uint64_t count = 0;
    if ((fds[2].revents & POLLIN) != 0) {
      [[maybe_unused]] const ssize_t size = ::read(fds[2].fd, &count, sizeof(count));
    }
  }

  Nanos time_to_wait() const {
    const Nanos now = base::now();
    Nanos until = now + (orphan_ ? kOrphanTick : base::kTick);
    if (times_.timeout != 0) {
      // A request that begins from now on may have its first step after half of its timeout.
      until = std::min(until, now + times_.timeout / 2);
    }
    if (const Nanos limit = server_ ? server_->shortest_slow_limit() : 0; limit != 0) {
      until = std::min(until, now + std::max(limit / 2, kShortestWait));
    }
    if (next_look_ != 0) until = std::min(until, next_look_);
    if (touch_interval() != 0) {
      const Nanos next = gils_asked_ + touch_interval();
      // While the asking thread waits for a GIL, nothing more can be asked.
      until = std::min(until, next > now ? next : now + touch_interval());
    }
    if (stop_deadline_ != 0) until = std::min(until, stop_deadline_);
    return std::max<Nanos>(until - now, 0);
  }

  void handle_signals() {
    const int signal = take_signal();
    if (told_) return;  // the signal woke a service's main thread, or comes late
    switch (signal) {
      case SIGTERM:
      case SIGINT:
        ending_signal_ = signal;
        note_reason(Reason::shutdown);
        tell({Message::retire, static_cast<std::uint8_t>(Reason::shutdown), {}});
        begin_stop();
        break;
      case SIGUSR1:
        tell({Message::retire, static_cast<std::uint8_t>(Reason::eviction), {}});
        break;
      case SIGXCPU:
        tell({Message::retire, static_cast<std::uint8_t>(Reason::cpu_time_limit), {}});
        break;
      case SIGHUP:
      case SIGUSR2:
        tell_signal(signal);
        break;
      default:
        break;
    }
  }

  // Tells the application's subscribers on a thread of its own, since they may do what they like.
  void tell_signal(int signal) {
    if (!std::exchange(signal_thread_runs_, true)) signal_thread_.start();
    signal_thread_.ask([this, signal]() noexcept { engine_->tell_signal(signal); });
  }

  void handle_packets() {
    bool closed = false;
    while (!orphan_) {
      const auto packet = receive_packet(context_.control.get(), closed);
      if (!packet) break;
      if (packet->message == Message::code_failed) {
        if (auto versions = unpack_versions(packet->text)) server_->set_failed(*versions);
      }
      if (packet->message == Message::load) load_beforehand(packet->text);
      if (packet->message == Message::drain || packet->message == Message::stop) {
        note_reason(static_cast<Reason>(packet->number));
      }
      if (packet->message == Message::drain) draining_ = true;
      if (packet->message == Message::stop) begin_stop();
    }
    if (closed) orphan_ = true;
  }

  // The first reason is the one that counts.
  void note_reason(Reason reason) {
    Reason none = Reason::none;
    reason_.compare_exchange_strong(none, reason);
  }

  void load_beforehand(const std::string& text) {
    const auto script = unpack_script(text);
    if (!script) return;
    loader_.ask([this, script = *script]() noexcept {
      if (!load(script)) return;
      server_->note_loaded(script);
      tell({Message::loaded, 0, pack(script)});
    });
  }

  void begin_stop() {
    if (stopping_) return;
    stopping_ = true;
    close(memory_, context_.incarnation);
    if (group_.limits.shutdown_timeout.count() == 0) return;
    // The other 20 % are left for the atexit callbacks; after shutdown-timeout the supervisor kills
    // the process.
    stop_deadline_ = base::now() + base::nanos(group_.limits.shutdown_timeout) / 10 * 8;
  }

  // Closes the gate once httpd's processes have closed all connections. Without a supervisor no new
  // connection comes, so an orphan serves the old ones until a new supervisor closes the gate.
  void serve_as_orphan() {
    if (!server_ || server_->connections() == 0) close(memory_, context_.incarnation);
  }

  void watch_requests(Nanos now) {
    next_look_ = 0;
    if (times_.timeout == 0 && server_->shortest_slow_limit() == 0) return;
    const auto records = context_.memory.threads;
    for (std::size_t thread = 0; thread < watched_.size(); ++thread) {
      Watched& watched = watched_[thread];
      const Nanos since = records[thread].since.load(std::memory_order_acquire);
      if (since != watched.since) watched = {.since = since};
      for (const NextStep next : {next_step(watched, times_, now),
                                  next_slow_step(watched, server_->slow_at(thread), now)}) {
        if (next.look_again != 0 && (next_look_ == 0 || next.look_again < next_look_)) {
          next_look_ = next.look_again;
        }
        act(thread, watched, next.step, records[thread]);
      }
    }
  }

  // Answers those who look at the status page, and want to know where a request is.
  void show_stacks() {
    const auto records = context_.memory.threads;
    for (std::size_t thread = 0; thread < watched_.size(); ++thread) {
      const Nanos since = records[thread].since.load(std::memory_order_acquire);
      if (!context_.memory.stacks[thread].take(since)) continue;
      python_thread_.ask([this, thread, since]() noexcept {
        const ThreadRecord& record = context_.memory.threads[thread];
        const std::string stack = engine_->stack(static_cast<std::uintptr_t>(record.handle.load()));
        if (record.since.load() == since) context_.memory.stacks[thread].answer(stack, since);
      });
    }
  }

  void act(std::size_t thread, Watched& watched, Step step, const ThreadRecord& record) {
    if (step == Step::none) return;
    const auto handle = static_cast<std::uintptr_t>(record.handle.load());
    const std::string what =
        "request " + base::request_name(text_in(record.what), text_in(record.id)) + " in process " +
        std::to_string(::getpid()) + " of daemon group '" + group_.name + "'";
    switch (step) {
      case Step::none:
        return;
      case Step::warn:
        watched.warned = true;
        python_thread_.ask([this, what, handle, thread, since = watched.since]() noexcept {
          const std::string stack = engine_->stack(handle);
          if (context_.memory.threads[thread].since.load() != since) return;
          log_.log(Level::warning, "BRINE0607: half of its request-timeout is over for " + what +
                                       (stack.empty() ? "" : "; it is at\n" + stack));
        });
        return;
      case Step::time_out:
        watched.timed_out = true;
        log_.log(Level::error, "BRINE0608: " + what + " ran into request-timeout, after " +
                                   std::to_string(group_.limits.request_timeout.count()) + " ms");
        server_->time_out(thread, watched.since);
        python_thread_.ask([this, thread, since = watched.since]() noexcept {
          server_->interrupt(thread, since);
        });
        if (times_.interrupt != 0) return;
        [[fallthrough]];
      case Step::give_up:
        watched.given_up = true;
        tell({Message::retire, static_cast<std::uint8_t>(Reason::request_timeout), {}});
        return;
      case Step::tell_slow:
        watched.told_slow = true;
        python_thread_.ask([this, handle, thread, since = watched.since]() noexcept {
          server_->tell_slow(thread, since, engine_->stack(handle));
        });
        return;
    }
  }

  // Returns how often GILs are touched, which is many times within deadlock-timeout; 0: never.
  Nanos touch_interval() const {
    const Nanos timeout = base::nanos(group_.limits.deadlock_timeout);
    return timeout == 0 ? 0 : std::clamp<Nanos>(timeout / 20, base::kTick / 50, 15 * base::kSecond);
  }

  // Has the asking thread take all GILs now and then; the supervisor sees if that takes too long.
  void touch_gils(Nanos now) {
    if (touch_interval() == 0) return;
    if (gils_asked_ != 0 && now - gils_asked_ < touch_interval()) return;
    if (!python_thread_.idle()) return;
    gils_asked_ = now;
    python_thread_.ask([this]() noexcept {
      engine_->touch_gils();
      memory_.gil_touched.store(base::now(), std::memory_order_release);
    });
  }

  // Runs the applications' atexit callbacks, unless a request is still running: Python is then in
  // the middle of it and cannot end cleanly.
  [[noreturn]] void leave_service() {
    tell({Message::leaving, 0, {}});
    server_->stop();
    const bool is_warm = !warm_up_ || warm_up_->has_ended();
    if (server_->idle() && is_warm) engine_->shutdown(patience_, stopping_word(reason_));
    ::_exit(kExitOk);
  }

  const Handover& handover_;
  const WorkerContext context_;
  const Group& group_;
  base::LogSink& log_;
  SlotMemory& memory_;
  const RequestTimes times_;
  const Duration patience_;  ///< time that atexit callbacks and threads have at the end
  engine::Engine* engine_;
  const bool is_forked_;  ///< from a template
  const ScriptVersions scripts_of_template_;
  const Nanos began_ = base::now();
  PythonThread python_thread_;
  /// Loads scripts, which may take long, while python_thread_ has to find out whether GILs are
  /// free.
  PythonThread loader_;
  PythonThread signal_thread_;  ///< started with the first signal for the application
  bool signal_thread_runs_ = false;
  std::atomic<Reason> reason_{Reason::none};  ///< why the process ends
  std::vector<Script> failed_;                ///< scripts that did not load at the start
  std::optional<RequestServer> server_;
  std::optional<WarmUpRun> warm_up_;
  std::vector<Watched> watched_;  ///< one for each thread
  Nanos next_look_ = 0;           ///< when to look at the requests again; 0: when one begins
  Nanos gils_asked_ = 0;
  Nanos stop_deadline_ = 0;  ///< 0: none
  bool draining_ = false;
  bool stopping_ = false;
  bool orphan_ = false;  ///< the supervisor has died
  bool leaving_ = false;

  // Members of a service:
  int ending_signal_ = SIGTERM;
  bool ending_scripts_ = false;
  bool given_up_ = false;
  std::atomic<bool> told_{false};  ///< the service was told to end, or has ended by itself
  std::atomic<bool> shutting_down_{false};
  std::atomic<Nanos> exit_callbacks_end_{0};
};

// Throws std::system_error.
WorkerContext context_of(const Handover& handover) {
  const std::size_t threads = thread_count(handover.group);
  // Never unmapped, since threads use the memory to the last.
  static const base::SharedMemory memory(kSlotFd, slot_offset(handover.slot, threads),
                                         slot_bytes(threads));
  ::close(kSlotFd);
  return {handover.group,
          view_slot(memory.data(), threads),
          handover.incarnation,
          handover.code,
          handover.scripts,
          PrivateFd(base::UniqueFd(kControlFd)),
          PrivateFd(base::UniqueFd(kConnectionsFd))};
}

}  // namespace

void run_worker(const Handover& first, char* title) noexcept {
  static LogChannel log(kLogFd, static_cast<Level>(first.log_level));
  const std::string& name = first.group.name;
  try {
    engine::Engine* engine = nullptr;
    const Handover* handover = &first;
    ScriptVersions loaded;
    if (first.is_template) {
      const Nanos began = base::now();
      engine = &start_template(first, log);
      auto* const forked = new Forked(run_template(first, *engine, log, title, began));
      handover = &forked->handover;
      loaded = std::move(forked->scripts);
    }
    // Neither is ever destroyed, since their threads live as long as the process.
    auto* worker = new Worker(*handover, context_of(*handover), engine, std::move(loaded), log);
    worker->run();
  } catch (const CannotBecome& error) {
    log.log(Level::error, "BRINE0611: a process of daemon group '" + name +
                              "' could not take on its identity or limits: " + error.what());
    ::_exit(kExitCannotBecome);
  } catch (const std::exception& error) {
    log.log(Level::error,
            "BRINE0615: a process of daemon group '" + name + "' could not go on: " + error.what());
    ::_exit(kExitCannotStart);
  }
}

}  // namespace brine::daemon

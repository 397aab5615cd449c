#include "daemon/worker/warm_up.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>
#include <utility>

#include "base/quotes.hpp"
#include "base/unique_fd.hpp"
#include "boundary/request.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/worker/request_thread.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;
using wsgi::Outcome;
using wsgi::Var;

namespace {

// An interrupted request that has not ended after this time hangs outside of Python.
constexpr Nanos kEnding = 5 * base::kSecond;

// An interruption that the page catches, or whose code cannot be interrupted just then, is followed
// by another one.
constexpr int kMillisecondsBetween = 500;

// A status from here on says that the page was not made.
constexpr int kFirstFailure = 400;

// A request to an application without a client. What is sent is dropped.
class WarmUpRequest final : public wsgi::Request, public wsgi::ResponseWriter {
 public:
  WarmUpRequest(const WarmUp& request, const Group& group, const std::atomic<bool>& given_up,
                base::LogSink& log)
      : given_up_(given_up), log_(log), host_(request.host) {
    const bool is_usual = request.port == (request.scheme == "https" ? "443" : "80");
    if (!is_usual) host_.append(":").append(request.port);
    fields_ = {{{"Host", host_}, {"User-Agent", "Brine (warm-up)"}, {"Accept", "*/*"}}};
    head_.headers = fields_;
    head_.extra = {&extra_, 1};
    head_.body_complete = true;
    head_.content_length = 0;
    head_.warm_up = true;
    head_.request_start = base::seconds_since_epoch();
    head_.thread_id = 1;
    set_vars(request, group);
  }
  ~WarmUpRequest() = default;
  WarmUpRequest(const WarmUpRequest&) = delete;
  WarmUpRequest& operator=(const WarmUpRequest&) = delete;

  /// Returns the status of the response; 0: none has begun.
  int status() const noexcept { return status_; }

  // These functions implement wsgi::Request.
  const wsgi::Head& head() const noexcept override { return head_; }
  wsgi::ReadResult read(std::span<char>) noexcept override {
    wsgi::ReadResult end;
    end.ended = true;
    return end;
  }
  void note(const char*, std::string_view) noexcept override {}
  void log(Level level, std::string_view text) noexcept override { log_.log(level, text); }

  // These functions implement wsgi::ResponseWriter.
  void start(int status, std::string_view, std::span<const wsgi::Field>) override {
    status_ = status;
  }
  char* allocate(std::size_t size) override {
    memory_ = std::make_unique_for_overwrite<char[]>(size);
    return memory_.get();
  }
  wsgi::Delivery send(std::span<const std::string_view>, wsgi::End) noexcept override {
    return delivery();
  }
  wsgi::Delivery send_file(int, std::int64_t, std::int64_t, wsgi::End) noexcept override {
    return delivery();
  }
  void abort() noexcept override {}

 private:
  // A response without an end is left like that of a client that goes away.
  wsgi::Delivery delivery() const noexcept {
    return given_up_ ? wsgi::Delivery::client_gone : wsgi::Delivery::ok;
  }

  void set(Var var, std::string_view value) { head_.vars[static_cast<std::size_t>(var)] = value; }

  void set_vars(const WarmUp& request, const Group& group) {
    set(Var::request_method, "GET");
    set(Var::request_uri, request.url);
    set(Var::query_string, request.query);
    set(Var::script_name, request.script_name);
    set(Var::path_info, request.path_info);
    set(Var::original_script_name, request.script_name);
    set(Var::original_path_info, request.path_info);
    set(Var::server_protocol, "HTTP/1.1");
    set(Var::server_software, "Apache");
    set(Var::server_name, request.host);
    set(Var::server_port, request.port);
    set(Var::remote_addr, "127.0.0.1");
    set(Var::request_scheme, request.scheme);
    set(Var::url_scheme, request.scheme);
    set(Var::script_filename, request.script.path);
    set(Var::process_group, group.name);
    set(Var::application_group, request.script.application_group);
    set(Var::callable_object, request.script.callable);
    set(Var::request_handler, "wsgi-script");
    set(Var::handler_script, "");
  }

  const std::atomic<bool>& given_up_;
  base::LogSink& log_;
  std::string host_;
  wsgi::Head head_;
  std::array<wsgi::Field, 3> fields_;
  wsgi::Field extra_{"brine.warm_up", "1"};
  std::unique_ptr<char[]> memory_;  ///< the last block of allocate()
  int status_ = 0;
};

// Returns what became of a request that did not do its work, or an empty text. The interruption may
// reach a response in which something has been sent.
std::string failure_of(Outcome outcome, int status, bool interrupted) {
  if (interrupted && outcome == Outcome::failed_after_headers) outcome = Outcome::timed_out;
  switch (outcome) {
    case Outcome::completed:
      return status >= kFirstFailure ? "was answered with status " + std::to_string(status) : "";
    case Outcome::timed_out:
    case Outcome::client_aborted:
      return "was interrupted by warm-up-timeout";
    case Outcome::failed_before_headers:
      return "raised an exception";
    case Outcome::failed_after_headers:
      return "failed in its response, which began with status " + std::to_string(status);
    default:  // its script cannot be run, which has been logged
      return "has no application to serve it";
  }
}

std::string milliseconds(Nanos time) { return std::to_string(time / base::kMillisecond) + " ms"; }

}  // namespace

struct WarmUpRun::State {
  State(std::vector<WarmUp> all, const Group& its_group, engine::Engine& its_engine,
        base::LogSink& its_log)
      : requests(std::move(all)), group(its_group), engine(its_engine), log(its_log) {
    if (!ended_fd) throw std::system_error(errno, std::generic_category(), "eventfd");
  }

  // Logs a failure. The process serves all the same: a page that is broken is no reason to be
  // without the others.
  void warn(const WarmUp& request, const std::string& what, Nanos took) const {
    log.log(Level::warning, "BRINE0648: the warm-up request for " + base::in_quotes(request.url) +
                                " of daemon group " + base::in_quotes(group.name) + " " + what +
                                " after " + milliseconds(took) + ", in process " +
                                std::to_string(::getpid()) + "; the group goes on without it");
  }

  const std::vector<WarmUp> requests;
  const Group& group;
  engine::Engine& engine;
  base::LogSink& log;
  const base::UniqueFd ended_fd{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::atomic<bool> given_up{false};
  std::atomic<bool> has_ended{false};
  std::atomic<bool> left_behind{false};
  std::atomic<Nanos> begun{0};           ///< when the request that runs began
  std::atomic<const WarmUp*> current{};  ///< null: none runs
};

WarmUpRun::WarmUpRun(std::vector<WarmUp> requests, const Group& group, engine::Engine& engine,
                     base::LogSink& log, Nanos process_began)
    : state_(std::make_shared<State>(std::move(requests), group, engine, log)) {
  const Nanos timeout = base::nanos(group.limits.startup_timeout);
  if (timeout != 0) start_ends_ = process_began + timeout;
}

WarmUpRun::~WarmUpRun() {
  if (runs_) ::pthread_detach(*runs_);
  if (interrupts_.joinable()) interrupts_.detach();
}

void WarmUpRun::start() {
  const Nanos now = base::now();
  next_look_ = now + bounded(base::nanos(state_->group.limits.warm_up_timeout), now);
  auto state = std::make_unique<std::shared_ptr<State>>(state_);
  runs_ = start_request_thread(state_->group, run_thread, state.get());
  [[maybe_unused]] auto* const its_own = state.release();
}

// Returns how much of `most` the process may spend: a third of what is left of startup-timeout, as
// the supervisor kills it then. Another part is for what does not end, and one for what follows.
Nanos WarmUpRun::bounded(Nanos most, Nanos now) const {
  if (start_ends_ == 0) return most;
  return std::clamp<Nanos>((start_ends_ - now) / 3, 0, most);
}

int WarmUpRun::ended_fd() const noexcept { return state_->ended_fd.get(); }

bool WarmUpRun::has_ended() const noexcept { return state_->has_ended; }

void* WarmUpRun::run_thread(void* state) noexcept {
  const std::unique_ptr<std::shared_ptr<State>> given(static_cast<std::shared_ptr<State>*>(state));
  run(**given);
  return nullptr;
}

void WarmUpRun::run(State& state) noexcept {
  const AlternateStack for_crashes;
  for (const WarmUp& request : state.requests) {
    if (state.given_up) {
      state.warn(request, "was left out, since no time was left for it", 0);
      continue;
    }
    const Nanos begun = base::now();
    state.begun = begun;
    state.current = &request;
    WarmUpRequest made(request, state.group, state.given_up, state.log);
    wsgi::Target target = target_of(request.script);
    target.settings.reloading = wsgi::Reloading::off;  // it has just been loaded
    const Outcome outcome = state.engine.serve(target, made, made);
    end_if_forked();
    state.current = nullptr;
    const Nanos took = base::now() - begun;
    if (const std::string failure = failure_of(outcome, made.status(), state.given_up);
        !failure.empty()) {
      state.warn(request, failure, took);
    } else {
      state.log.log(Level::info, "warm-up request for " + base::in_quotes(request.url) +
                                     " of daemon group " + base::in_quotes(state.group.name) +
                                     " was answered with status " + std::to_string(made.status()) +
                                     " after " + milliseconds(took));
    }
  }
  state.engine.forget_thread();
  state.has_ended = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(state.ended_fd.get(), &one, sizeof(one));
}

bool WarmUpRun::go_on(Nanos now) {
  if (has_ended()) return false;
  if (now < next_look_) return true;
  if (!state_->given_up.exchange(true)) {
    next_look_ = now + bounded(kEnding, now);
    keep_interrupting();
    return true;
  }
  state_->left_behind = true;
  if (const WarmUp* const request = state_->current) {
    state_->warn(*request, "does not end, although warm-up-timeout has interrupted it,",
                 now - state_->begun);
  }
  return false;
}

void WarmUpRun::keep_interrupting() {
  const auto handle = static_cast<std::uintptr_t>(*runs_);
  interrupts_ = std::thread([state = state_, handle]() noexcept {
    pollfd ended{state->ended_fd.get(), POLLIN, 0};
    do {
      state->engine.interrupt(handle);
    } while (::poll(&ended, 1, kMillisecondsBetween) <= 0 && !state->left_behind);
    state->engine.forget_thread();
  });
}

void WarmUpRun::join() {
  if (runs_) ::pthread_join(*std::exchange(runs_, std::nullopt), nullptr);
  if (interrupts_.joinable()) interrupts_.join();
}

std::string WarmUpRun::what_hangs() const {
  const WarmUp* const request = state_->current;
  return "the warm-up request for " + base::in_quotes(request != nullptr ? request->url : "") +
         " does not end";
}

}  // namespace brine::daemon

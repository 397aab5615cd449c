#include "daemon/worker/warm_up.hpp"

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

namespace brine::daemon {

using base::Level;
using base::Nanos;
using wsgi::Outcome;
using wsgi::Var;

namespace {

// An interrupted request that has not ended after this time hangs outside of Python.
constexpr Nanos kEnding = 5 * base::kSecond;

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

// Returns what became of a request that did not do its work, or an empty text.
std::string failure_of(Outcome outcome, int status) {
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
  std::atomic<Nanos> begun{0};           ///< when the request that runs began
  std::atomic<const WarmUp*> current{};  ///< null: none runs
};

WarmUpRun::WarmUpRun(std::vector<WarmUp> requests, const Group& group, engine::Engine& engine,
                     base::LogSink& log)
    : state_(std::make_shared<State>(std::move(requests), group, engine, log)) {}

WarmUpRun::~WarmUpRun() {
  for (std::thread* const each : {&runs_, &interrupts_}) {
    if (each->joinable()) each->detach();
  }
}

void WarmUpRun::start() {
  const Limits& limits = state_->group.limits;
  Nanos most = base::nanos(limits.warm_up_timeout);
  // The process is killed after startup-timeout, which has to do for the imports too.
  if (limits.startup_timeout.count() != 0) {
    most = std::min(most, base::nanos(limits.startup_timeout) / 2);
  }
  next_look_ = base::now() + most;
  runs_ = std::thread([state = state_]() noexcept { run(*state); });
}

int WarmUpRun::ended_fd() const noexcept { return state_->ended_fd.get(); }

bool WarmUpRun::has_ended() const noexcept { return state_->has_ended; }

void WarmUpRun::run(State& state) noexcept {
  for (const WarmUp& request : state.requests) {
    if (state.given_up) {
      state.warn(request, "was left out, since others had used warm-up-timeout up", 0);
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
    if (const std::string failure = failure_of(outcome, made.status()); !failure.empty()) {
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
    next_look_ = now + kEnding;
    interrupt();
    return true;
  }
  if (const WarmUp* const request = state_->current) {
    state_->warn(*request, "does not end, although warm-up-timeout has interrupted it,",
                 now - state_->begun);
  }
  return false;
}

void WarmUpRun::interrupt() {
  const auto handle = static_cast<std::uintptr_t>(runs_.native_handle());
  interrupts_ = std::thread([state = state_, handle]() noexcept {
    state->engine.interrupt(handle);
    state->engine.forget_thread();
  });
}

void WarmUpRun::join() {
  for (std::thread* const each : {&runs_, &interrupts_}) {
    if (each->joinable()) each->join();
  }
}

std::string WarmUpRun::what_hangs() const {
  const WarmUp* const request = state_->current;
  return "the warm-up request for " + base::in_quotes(request != nullptr ? request->url : "") +
         " does not end";
}

}  // namespace brine::daemon

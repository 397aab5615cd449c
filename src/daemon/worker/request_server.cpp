#include "daemon/worker/request_server.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <functional>
#include <initializer_list>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/request_text.hpp"
#include "daemon/shared/introduction.hpp"
#include "daemon/worker/request_thread.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;
using wsgi::Outcome;
using wsgi::Var;

namespace {

// An ordinary request's frame fits into this. A thread's buffer grows for a larger one and shrinks
// afterwards.
constexpr std::size_t kBufferBytes = 16384;

// The supervisor is told about changed scripts at most once in this time.
constexpr Nanos kTellInterval = 100 * base::kMillisecond;

base::UniqueFd checked(int fd, const char* what) {
  if (fd < 0) throw std::system_error(errno, std::generic_category(), what);
  return base::UniqueFd(fd);
}

void notify(int eventfd) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(eventfd, &one, sizeof(one));
}

// Reads the rest of the request's frame, of which `got` bytes are there.
Io read_rest(int fd, FrameHeader& header, std::vector<char>& buffer, std::size_t got) {
  // MSG_WAITALL returns early when a signal interrupts it, and with SO_RCVTIMEO the kernel does not
  // restart the call.
  const auto receive = [fd](char* at, std::size_t most) {
    ssize_t size = 0;
    do {
      size = ::recv(fd, at, most, MSG_WAITALL);
    } while (size < 0 && errno == EINTR);
    return size;
  };
  while (got < sizeof(header)) {
    char* at = reinterpret_cast<char*>(&header) + got;
    const ssize_t size = receive(at, sizeof(header) - got);
    if (size <= 0) return Io::closed;
    got += static_cast<std::size_t>(size);
  }
  if (header.size > kMostRequestBytes) return Io::failed;
  std::size_t have = got - sizeof(header);
  if (header.size > buffer.size()) buffer.resize(header.size);
  while (have < header.size) {
    const ssize_t size = receive(buffer.data() + have, header.size - have);
    if (size <= 0) return Io::closed;
    have += static_cast<std::size_t>(size);
  }
  return have == header.size ? Io::ok : Io::failed;
}

// Takes the next connection, if there is one. Its descriptor is empty if this process has none
// left.
std::optional<PrivateFd> take_private(int socket) {
  bool any = false;
  PrivateFd fd([&] {
    auto taken = take_connection(socket);
    any = taken.has_value();
    return any ? std::move(*taken) : base::UniqueFd();
  });
  return any ? std::optional(std::move(fd)) : std::nullopt;
}

// Writes the texts, one behind the other, into a place that may be too small for them. Returns
// their end.
template <std::size_t size>
char* put(std::array<char, size>& place, std::size_t most,
          std::initializer_list<std::string_view> texts) {
  char* at = place.data();
  char* const end = at + most;
  for (const std::string_view text : texts) {
    const std::size_t fits = std::min(text.size(), static_cast<std::size_t>(end - at));
    if (fits != 0) std::memcpy(at, text.data(), fits);
    at += fits;
  }
  return at;
}

// Writes "GET /path" and the id into the record, for log lines that name the request in progress.
// The query is left out, as it may hold secrets.
void describe(const wsgi::Head& head, ThreadRecord& record) {
  const std::string_view uri = head.vars[static_cast<std::size_t>(Var::request_uri)];
  const auto var = [&](Var name) { return head.vars[static_cast<std::size_t>(name)]; };
  *put(record.what, record.what.size() - 1,
       {var(Var::request_method), " ", uri.substr(0, uri.find('?'))}) = '\0';
  char* const id_end = put(record.id, record.id.size(), {var(Var::request_id)});
  if (id_end != record.id.data() + record.id.size()) *id_end = '\0';
}

}  // namespace

/// A connection from one of httpd's processes. One thread at a time owns it: epoll reports it once
/// (EPOLLONESHOT), and that thread has it watched again.
struct RequestServer::Connection {
  Connection(PrivateFd own_fd, std::atomic<std::size_t>& counter)
      : fd(std::move(own_fd)), count(counter) {
    ++count;
  }
  ~Connection() { --count; }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  PrivateFd fd;
  std::atomic<std::size_t>& count;  ///< number of all connections
};

RequestServer::RequestServer(const WorkerContext& context, engine::Engine& engine,
                             base::LogSink& log, std::function<void(const Packet&)> tell)
    : context_(context),
      engine_(engine),
      log_(log),
      tell_(std::move(tell)),
      memory_(*context.memory.memory),
      records_(context.memory.threads),
      epoll_([] { return checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1"); }),
      stopping_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      drained_(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd")),
      current_requests_(static_cast<std::size_t>(context.group.threads)),
      cpu_(static_cast<std::size_t>(context.group.threads)) {
  for (const Script& script : context.scripts) {
    scripts_.insert(script.path + '\0' + script.application_group);
  }
  epoll_event stop{};
  stop.events = EPOLLIN;
  stop.data.ptr = this;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, stopping_.get(), &stop);
  epoll_event connections{};
  connections.events = EPOLLIN | EPOLLONESHOT;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, context.connections.get(), &connections);
}

struct ThreadStart {
  RequestServer* serving;
  std::size_t thread;
};

void* RequestServer::run_thread(void* start) noexcept {
  const std::unique_ptr<ThreadStart> given(static_cast<ThreadStart*>(start));
  try {
    given->serving->work(given->thread);
  } catch (const std::exception& error) {
    given->serving->log_.log(Level::error,
                             std::string("BRINE0623: a thread ended: ") + error.what());
  }
  return nullptr;
}

void RequestServer::start() {
  for (std::size_t thread = 0; thread < current_requests_.size(); ++thread) {
    auto start = std::make_unique<ThreadStart>(ThreadStart{this, thread});
    ::pthread_detach(start_request_thread(context_.group, run_thread, start.get()));
    [[maybe_unused]] ThreadStart* const its_own = start.release();
  }
}

void RequestServer::stop() noexcept { notify(stopping_.get()); }

bool RequestServer::idle() const noexcept {
  const Gate gate = gate_of(memory_.gate.load(std::memory_order_acquire));
  return gate.in_flight == 0 || gate.incarnation != context_.incarnation;
}

// Ends the process because the application has closed the epoll descriptor, or put another file in
// its place: no request can reach this process any more.
void RequestServer::give_up(int error) noexcept {
  log_.log(Level::error, "BRINE0626: process " + std::to_string(::getpid()) + " of daemon group '" +
                             context_.group.name + "' cannot watch its connections any more (" +
                             std::strerror(error) +
                             "): the application closes descriptors that are "
                             "not its own; the process ends");
  ::_exit(kExitCannotGoOn);
}

void RequestServer::work(std::size_t thread) {
  const AlternateStack for_crashes;
  records_[thread].handle.store(pthread_self());
  ::pthread_getcpuclockid(pthread_self(), &cpu_[thread].clock);
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    epoll_event event{};
    const int count = ::epoll_wait(epoll_.get(), &event, 1, -1);
    if (count < 0 && errno != EINTR) give_up(errno);
    if (count <= 0) continue;
    if (event.data.ptr == this) return;
    if (event.data.ptr == nullptr) {
      take_connections();
    } else {
      serve_connection(thread, static_cast<Connection*>(event.data.ptr), buffer);
    }
  }
}

void RequestServer::watch(int fd, Connection* line, bool again) noexcept {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
  event.data.ptr = line;
  ::epoll_ctl(epoll_.get(), again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
}

void RequestServer::take_connections() {
  bool refused = false;
  while (auto fd = take_private(context_.connections.get())) {
    auto* line = *fd ? new (std::nothrow) Connection(std::move(*fd), connection_count_) : nullptr;
    if (line == nullptr) {  // its request goes to another process
      count_out();
      refused = true;
      continue;
    }
    watch(line->fd.get(), line, false);
  }
  watch(context_.connections.get(), nullptr, true);
  if (refused) note_descriptors_gone();
}

// Logs that descriptors have run out, and has the process replaced where that helps. It helps if
// the application keeps files open; it does not if the limit is too low for httpd's connections.
void RequestServer::note_descriptors_gone() {
  // If this succeeds, the whole system had no descriptors left, or there are some again: the
  // process's own limit is not the cause.
  if (base::UniqueFd(::fcntl(stopping_.get(), F_DUPFD_CLOEXEC, 0))) return;
  if (descriptors_gone_.exchange(true)) return;
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t lines = connection_count_;
  log_.log(Level::error, "BRINE0625: process " + std::to_string(::getpid()) + " of daemon group '" +
                             context_.group.name + "' has no descriptors left: of " +
                             std::to_string(limit.rlim_cur) + ", connections from httpd use " +
                             std::to_string(lines) + "; its requests go elsewhere");
  if (lines < limit.rlim_cur / 2) {
    tell_({Message::retire, static_cast<std::uint8_t>(Reason::descriptors), {}});
  }
}

void RequestServer::count_out() noexcept {
  const Gate gate = leave(memory_, context_.incarnation);
  if (gate.closed && gate.in_flight == 0) notify(drained_.get());
}

// Serves the request that has arrived, or drops the connection if its other end is closed.
void RequestServer::serve_connection(std::size_t thread, Connection* line,
                                     std::vector<char>& buffer) {
  const int fd = line->fd.get();
  FrameHeader header;
  ssize_t size = 0;
  do {
    iovec parts[] = {{&header, sizeof(header)}, {buffer.data(), buffer.size()}};
    size = ::readv(fd, parts, 2);
  } while (size < 0 && errno == EINTR);
  if (size <= 0) {  // httpd's child has closed it
    delete line;
    return;
  }
  Served served = Served::unusable;
  taken_.fetch_add(1, std::memory_order_relaxed);
  try {
    if (read_rest(fd, header, buffer, static_cast<std::size_t>(size)) == Io::ok) {
      serve_request(thread, line, header, {buffer.data(), header.size}, served);
    }
  } catch (const std::exception& error) {  // a lack of memory ends the request, not the thread
    records_[thread].since.store(0, std::memory_order_release);
    log_.log(Level::error, std::string("BRINE0612: a request was given up: ") + error.what());
  }
  if (served != Served::refused) count_out();
  if (buffer.size() > kBufferBytes) {
    buffer.resize(kBufferBytes);
    buffer.shrink_to_fit();
  }
  if (served != Served::watched) delete line;
}

// Serves one request. A refused request is counted out by the sender, who may have done so already
// and be gone. `served` tells what has become of the connection, also if an exception is thrown.
void RequestServer::serve_request(std::size_t thread, Connection* line, const FrameHeader& header,
                                  std::span<const char> payload, Served& served) {
  const int fd = line->fd.get();
  const Nanos now = base::now();
  RequestFrame frame;
  if (header.kind != FrameKind::request || !decode_request(payload, frame)) {
    log_.log(Level::error, "BRINE0613: a request arrived in a form that cannot be read");
    return;
  }
  if (header.value != 0 && now >= static_cast<Nanos>(header.value)) {
    FrameHeader refused;
    refused.kind = FrameKind::refused;
    iovec part{&refused, sizeof(refused)};
    write_all(fd, {&part, 1});
    served = Served::refused;
    return;
  }
  frame.target.settings.reloading = reloading(frame.target, (header.flags & kKeepCode) != 0);
  frame.head.thread_id = static_cast<int>(thread) + 1;
  frame.head.daemon_start = base::seconds_since_epoch();
  if (!frame.target.settings.ignore_activity) {
    memory_.activity.store(now, std::memory_order_relaxed);
  }

  ThreadRecord& record = records_[thread];
  describe(frame.head, record);
  note_slow_limit(thread, frame.head.slow);
  record.since.store(now, std::memory_order_release);
  look_for_computing(now);
  const auto ended = [&](bool usable) {
    {
      const std::lock_guard lock(current_requests_[thread].mutex);
      current_requests_[thread].forwarded = nullptr;
    }
    if (!usable) return;
    served = Served::watched;
    watch(fd, line, true);
  };
  ForwardedRequest forwarded(fd, frame, log_, std::cref(ended));  // a copy would be allocated
  const Outcome outcome = run(thread, forwarded, frame.target);
  record.since.store(0, std::memory_order_release);
  no_longer_computes(cpu_[thread]);
  note_scripts(frame.target, outcome, forwarded.changed());

  if (!frame.target.settings.ignore_activity) {
    memory_.activity.store(base::now(), std::memory_order_relaxed);
  }
  const std::uint64_t count = memory_.served.fetch_add(1, std::memory_order_relaxed) + 1;
  if (count == context_.group.limits.maximum_requests) {
    tell_({Message::retire, static_cast<std::uint8_t>(Reason::maximum_requests), {}});
  }
}

// A request that comes in looks, since it would wait for those that compute. If then no more come,
// the monitor sees that one no longer does.
void RequestServer::look_for_computing(Nanos now) noexcept {
  if (context_.group.processes == 1 || now < next_look_.load(std::memory_order_relaxed)) return;
  const std::unique_lock lock(looking_, std::try_to_lock);
  if (!lock.owns_lock()) return;
  next_look_.store(now + kLookInterval, std::memory_order_relaxed);
  for (std::size_t i = 0; i < cpu_.size(); ++i) {
    CpuUse& use = cpu_[i];
    const Nanos since = records_[i].since.load(std::memory_order_acquire);
    timespec used{};
    if (since != 0) ::clock_gettime(use.clock, &used);
    use.look = look_again(use.look, since, now, used.tv_sec * base::kSecond + used.tv_nsec);
    if (!use.look.computes) {
      no_longer_computes(use);
    } else if (!use.computes.exchange(true)) {
      memory_.computing.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

void RequestServer::no_longer_computes(CpuUse& use) noexcept {
  if (use.computes.load(std::memory_order_relaxed) && use.computes.exchange(false)) {
    memory_.computing.fetch_sub(1, std::memory_order_relaxed);
  }
}

void RequestServer::set_failed(ScriptVersions scripts) {
  const std::lock_guard lock(failed_mutex_);
  failed_ = std::move(scripts);
  code_failed_.store(true, std::memory_order_release);
}

// Returns the version of a script that new processes could not load.
std::optional<std::int64_t> RequestServer::failed_version(std::string_view path) {
  const std::lock_guard lock(failed_mutex_);
  const auto failed = failed_.find(path);
  return failed != failed_.end() ? std::optional(failed->second) : std::nullopt;
}

// Returns how this request treats a changed script. While new processes cannot load some of the
// group's scripts, this process goes on with the last good code of those, until their files change
// again; a change of any other script needs a new process.
wsgi::Reloading RequestServer::reloading(const wsgi::Target& target, bool keep_code) {
  using wsgi::Reloading;
  if (!by_another_process(target.settings.reloading)) return target.settings.reloading;
  if (code_failed_.load(std::memory_order_acquire)) {
    const std::optional<std::int64_t> failed = failed_version(target.script);
    if (failed && *failed == base::version_of(std::string(target.script))) {
      return Reloading::rolling;
    }
  }
  return keep_code ? Reloading::rolling : target.settings.reloading;
}

Outcome RequestServer::run(std::size_t thread, ForwardedRequest& forwarded,
                           const wsgi::Target& target) {
  CurrentRequest& current = current_requests_[thread];
  {
    const std::lock_guard lock(current.mutex);
    current.is_served = true;
    current.forwarded = &forwarded;
    current.told_slow = false;
  }
  const Outcome outcome = engine_.serve(target, forwarded, forwarded);
  end_if_forked();  // the rest, shared memory too, belongs to the parent process
  if (const Nanos slow_at = current.slow_at.load(); slow_at != 0 && base::now() >= slow_at) {
    const std::lock_guard lock(current.mutex);
    log_slow(thread, current, {}, true);
  }
  // The client may be slow, so the monitor can still end the request.
  forwarded.conclude(outcome);
  const std::lock_guard lock(current.mutex);
  current.is_served = false;
  return outcome;
}

void RequestServer::note_slow_limit(std::size_t thread, const wsgi::SlowLimit& limit) noexcept {
  current_requests_[thread].slow_at.store(limit.is_set() ? limit.end() : 0,
                                          std::memory_order_release);
  if (!limit.is_set()) return;
  Nanos shortest = shortest_slow_limit_;
  while ((shortest == 0 || limit.after < shortest) &&
         !shortest_slow_limit_.compare_exchange_weak(shortest, limit.after)) {
  }
}

void RequestServer::tell_slow(std::size_t thread, Nanos since, std::string_view stack) noexcept {
  CurrentRequest& current = current_requests_[thread];
  const std::lock_guard lock(current.mutex);
  if (!current.is_served || records_[thread].since.load() != since) return;
  log_slow(thread, current, stack, false);
}

// Logs once that the thread's request is slow. The request's mutex is locked.
void RequestServer::log_slow(std::size_t thread, CurrentRequest& current, std::string_view stack,
                             bool ended) noexcept {
  if (current.forwarded == nullptr || std::exchange(current.told_slow, true)) return;
  try {
    const ThreadRecord& record = records_[thread];
    const wsgi::SlowLimit& limit = current.forwarded->head().slow;
    const std::string where = " in process " + std::to_string(::getpid()) + " of daemon group '" +
                              context_.group.name + "'";
    base::SlowRequest slow{base::request_name(text_in(record.what), text_in(record.id)) + where};
    slow.begun = limit.begun;
    slow.limit = limit.after;
    slow.called = current.forwarded->called();
    slow.now = base::now();
    slow.ended = ended;
    slow.stack = stack;
    current.forwarded->log(Level::warning, base::describe(slow));
  } catch (const std::exception&) {
    // Memory has run out, and the request matters more than this line.
  }
}

void RequestServer::time_out(std::size_t thread, Nanos since) noexcept {
  CurrentRequest& current = current_requests_[thread];
  const std::lock_guard lock(current.mutex);
  if (current.forwarded != nullptr && records_[thread].since.load() == since) {
    current.forwarded->time_out();
  }
}

// While its CurrentRequest is locked, the thread can neither end this request nor begin another
// one.
void RequestServer::interrupt(std::size_t thread, Nanos since) noexcept {
  CurrentRequest& current = current_requests_[thread];
  const std::lock_guard lock(current.mutex);
  const ThreadRecord& record = records_[thread];
  if (!current.is_served || record.since.load() != since) return;
  engine_.interrupt(static_cast<std::uintptr_t>(record.handle.load()));
}

// Tells the supervisor which scripts a successor of this process must load before it is ready, and
// which script has changed or does not load.
void RequestServer::note_scripts(const wsgi::Target& target, Outcome outcome, bool changed) {
  if (changed || outcome == Outcome::restarting || outcome == Outcome::script_failed) {
    const Nanos now = base::now();
    const bool lately = now - change_told_.load(std::memory_order_relaxed) < kTellInterval;
    // A restarting request waits for new code, so the supervisor has to know at once.
    if (lately && outcome != Outcome::restarting) return;
    change_told_.store(now, std::memory_order_relaxed);
    const bool failed = outcome == Outcome::script_failed;
    std::string path(target.script);
    const std::int64_t version = tell_of_version(path);
    if (failed) {
      tell_({Message::script_failed, 0, pack(ScriptFailure{std::move(path), version, {}})});
    } else {
      tell_({Message::changed, 0, std::move(path)});
    }
    return;
  }
  if (outcome == Outcome::rejected || outcome == Outcome::no_application ||
      outcome == Outcome::forbidden) {
    return;
  }
  std::string key(target.script);
  key.append(1, '\0').append(target.application_group);
  thread_local std::string last;
  if (key == last) return;
  last = key;
  const Script script = script_of(target);
  if (!note_loaded(script)) return;
  tell_of_version(script.path);
  tell_({Message::loaded, 0, pack(script)});
}

// Tells the supervisor, which looks at no file of a tenant's itself, and returns the version.
std::int64_t RequestServer::tell_of_version(const std::string& path) {
  const std::int64_t version = base::version_of(path);
  tell_({Message::seen, 0, pack(ScriptVersions{{path, version}})});
  return version;
}

bool RequestServer::note_loaded(const Script& script) {
  const std::lock_guard lock(scripts_mutex_);
  return scripts_.insert(script.path + '\0' + script.application_group).second;
}

void RequestServer::note_missing(const Script& script) {
  const std::lock_guard lock(scripts_mutex_);
  scripts_.erase(script.path + '\0' + script.application_group);
}

void RequestServer::mend_count() noexcept {
  const Nanos now = base::now();
  const bool busy = std::any_of(records_.begin(), records_.end(),
                                [](const ThreadRecord& record) { return record.since != 0; });
  const std::uint32_t in_flight = gate_of(memory_.gate.load()).in_flight;
  const std::uint64_t taken = taken_.load();
  if (busy || in_flight == 0 || taken != idle_taken_) {
    idle_since_ = now;
    idle_taken_ = taken;
  } else if (now - idle_since_ > 2 * base::kSecond) {
    // No thread has read a frame in all this time, so the requests that were let in never came.
    leave(memory_, context_.incarnation, in_flight);
    if (gate_of(memory_.gate.load()).closed) notify(drained_.get());
  }
}

}  // namespace brine::daemon

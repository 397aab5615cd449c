#include "daemon/client/client.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <utility>

#include "daemon/client/dispatch.hpp"

namespace brine::daemon {

using base::Level;
using base::Nanos;
using wsgi::Outcome;

namespace {

// A request that waits behind others in one process moves after this time to another process with a
// free thread. Each move doubles the time.
constexpr Nanos kFirstStay = 50 * base::kMillisecond;
constexpr unsigned kMostDoublings = 7;

constexpr std::uint64_t kNoLimit = 1ULL << 32;

// httpd's child tells the supervisor of at most this many scripts, since clients may make up names
// of groups.
constexpr std::size_t kMostScripts = 500;

// A process of which a thread has begun a request within this time ends requests as fast. It is the
// length of a turn at the GIL, for which a request beside one that computes waits at least.
constexpr Nanos kBrisk = 2 * base::kMillisecond;

// After this many refusals by gates in a row there is a pause.
constexpr unsigned kMostRefusals = 100;

// Within this time the supervisor hears of a change and asks for new code.
constexpr Nanos kHearing = 200 * base::kMillisecond;

// A request that waits for a process says so again after this time.
constexpr Nanos kSignInterval = base::kSecond;

// The supervisor is told of waiting requests at most this often; from then on it looks itself.
constexpr Nanos kCrowdInterval = 50 * base::kMillisecond;

// A request follows its script to newer code at most this often, and then the old code serves it: a
// script may change again and again, or its reload_required() always return true.
constexpr unsigned kMostReloads = 4;

// Returns the end of a period that begins now.
Nanos until(Duration time) {
  return time.count() == 0 ? std::numeric_limits<Nanos>::max() : base::now() + base::nanos(time);
}

// A process that has not loaded its scripts yet.
struct LoadingProcess {
  std::size_t slot;
  std::uint32_t incarnation;
};

std::optional<LoadingProcess> find_loading(std::span<const Slot> slots) {
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (slots[i].state.load(std::memory_order_acquire) == SlotState::starting) {
      return LoadingProcess{i, slots[i].incarnation.load(std::memory_order_acquire)};
    }
  }
  return std::nullopt;
}

// Makes the two ends of a connection. Closes idle connections if no descriptors are left.
std::pair<base::UniqueFd, base::UniqueFd> connection_ends() {
  try {
    return socket_pair(SOCK_STREAM);
  } catch (const std::system_error& error) {
    if (error.code().value() != EMFILE) throw;
    close_idle_connections();
    return socket_pair(SOCK_STREAM);
  }
}

}  // namespace

/// A request on its way to a process that serves it.
struct Client::PendingRequest {
  const wsgi::Target& target;
  wsgi::Request& request;
  wsgi::ResponseWriter& response;
  Nanos arrived = base::now();
  Nanos queue_deadline = 0;  ///< by then a thread must have taken it up
  Wish wish{};
  std::uint8_t flags = 0;
  unsigned moves = 0;
  unsigned reloads = 0;             ///< how often the request has waited for new code
  bool in_line = false;             ///< the request has waited: no line is too long for it
  std::vector<Admission> failed{};  ///< processes with a free thread that did not take it up
  Nanos astray_until = 0;           ///< when all have failed: until then one may recover; else 0
  std::optional<LoadingProcess> awaited{};  ///< the first that was seen to load
  Outcome outcome = Outcome::not_ready;

  void forgive() {
    failed.clear();
    astray_until = 0;
  }
};

Client::Client(const Group& group, std::size_t index, const GroupView& view, int introductions)
    : group_(group),
      index_(static_cast<std::uint32_t>(index)),
      view_(view),
      introductions_(introductions),
      pools_(view.slots.size()) {}

Outcome Client::serve(const wsgi::Target& target, wsgi::Request& request,
                      wsgi::ResponseWriter& response) noexcept {
  try {
    tell_of_script(target);
    PendingRequest pending{target, request, response};
    pending.queue_deadline = pending.arrived + base::nanos(queue_time());
    pending.wish.threads = static_cast<std::uint32_t>(std::max(1, group_.threads));
    pending.wish.line = static_cast<std::uint32_t>(std::max(0, group_.limits.listen_backlog));
    return travel(pending);
  } catch (const std::exception& error) {
    request.log(Level::error, "BRINE0605: internal error on the way to daemon group '" +
                                  group_.name + "': " + error.what());
    return Outcome::failed_before_headers;
  }
}

// Tells the supervisor of a script that requests ask for. The group's processes load these scripts
// before they are ready; what a process itself says does not count.
void Client::tell_of_script(const wsgi::Target& target) {
  thread_local std::string last;
  std::string key(target.script);
  key.append(1, '\0').append(target.application_group);
  if (key == last) return;
  {
    const std::lock_guard lock(scripts_mutex_);
    if (scripts_.contains(key) || scripts_.size() >= kMostScripts) return;
  }
  const Introduction introduction{index_, 0, 0, script_of(target)};
  if (!introduce(introductions_, introduction, -1, until(group_.limits.connect_timeout))) return;
  last = key;
  const std::lock_guard lock(scripts_mutex_);
  scripts_.insert(std::move(key));
}

// Tells the supervisor of a group that may grow of a request that waits for a thread. Should the
// packet be lost, the supervisor finds out within a second.
void Client::tell_of_crowd() const {
  if (!group_.varies()) return;
  const Nanos now = base::now();
  Nanos told = view_.board->crowded_at.load(std::memory_order_relaxed);
  if (now - told < kCrowdInterval) return;
  if (!view_.board->crowded_at.compare_exchange_strong(told, now)) return;
  introduce(introductions_, {index_, kNoSlot, 0, std::nullopt}, -1, 0);
}

// Returns how long a request may wait for a thread.
Duration Client::queue_time() const {
  const Limits& limits = group_.limits;
  return limits.queue_timeout.count() == 0 ? limits.socket_timeout
                                           : std::min(limits.queue_timeout, limits.socket_timeout);
}

Outcome Client::travel(PendingRequest& pending) {
  for (;;) {
    Admission admission;
    if (!find_admission(pending, admission)) return pending.outcome;
    const Slot& slot = view_.slots[admission.slot];
    SlotMemory& memory = view_.memory_of(admission.slot);
    std::unique_ptr<Connection> connection;
    try {
      connection = connect(pending, admission);
    } catch (...) {  // serve() logs that descriptors have run out
      leave(memory, admission.incarnation);
      throw;
    }
    if (!connection) {
      leave(memory, admission.incarnation);
      ++pending.moves;
      pending.failed.push_back(admission);
      continue;
    }
    Dispatch dispatch(group_, view_, slot, *connection, pending.request, pending.response,
                      {take_until(pending), base::nanos(group_.limits.socket_timeout)});
    const Progress progress = dispatch.run(pending.target, pending.flags);
    if (progress == Progress::broken) return dispatch.outcome();
    if (progress == Progress::expired) leave(memory, admission.incarnation);
    if (progress == Progress::expired || progress == Progress::not_taken) {
      // If the request has not expired, the closed connection tells the process, which counts it
      // out.
      view_.count(Counter::moved);
      ++pending.moves;
      if (admission.has_free_thread || progress == Progress::not_taken) {
        pending.failed.push_back(admission);
      } else {
        pending.forgive();  // the process may have been busy for a moment only
      }
      pending.in_line = true;
      continue;
    }
    pools_[admission.slot].put(std::move(connection), base::now());
    if (dispatch.outcome() != Outcome::restarting) return dispatch.outcome();
    pending.in_line = true;
    pending.forgive();
    wait_for_code(pending, admission.code);
  }
}

// Returns true if all threads of the process have had their requests for a while, so that a line
// there may not move for long.
bool Client::is_stalled(std::size_t slot) const {
  const Nanos now = base::now();
  const auto records = view_.threads_of(slot);
  return std::all_of(records.begin(), records.end(), [now](const ThreadRecord& record) {
    const Nanos since = since_of(record, now);
    return since != 0 && now - since > kFirstStay;
  });
}

// Returns true if some thread of the process has just begun its request.
bool Client::is_brisk(std::size_t slot) const {
  const Nanos now = base::now();
  const auto records = view_.threads_of(slot);
  return std::any_of(records.begin(), records.end(), [now](const ThreadRecord& record) {
    const Nanos since = since_of(record, now);
    return since != 0 && now - since < kBrisk;
  });
}

void Client::look(const PendingRequest& pending, std::vector<Candidate>& candidates) const {
  candidates.clear();
  for (std::size_t i = 0; i < view_.slots.size(); ++i) {
    const Slot& slot = view_.slots[i];
    const std::uint32_t incarnation = slot.incarnation.load(std::memory_order_acquire);
    const Gate gate = gate_of(view_.memory_of(i).gate.load(std::memory_order_acquire));
    const SlotState state = slot.state.load(std::memory_order_acquire);
    const bool keeping = state == SlotState::keeping;
    const bool ready =
        !gate.closed && gate.incarnation == incarnation && (state == SlotState::ready || keeping);
    const bool busy = gate.in_flight >= static_cast<std::uint32_t>(std::max(1, group_.threads));
    const bool failed =
        std::any_of(pending.failed.begin(), pending.failed.end(), [&](const Admission& admission) {
          return admission.slot == i && admission.incarnation == incarnation;
        });
    Candidate candidate;
    candidate.ready = ready;
    candidate.incarnation = incarnation;
    candidate.code = slot.code.load(std::memory_order_relaxed);
    candidate.in_flight = gate.in_flight;
    candidate.stalled = ready && busy && group_.processes > 1 && is_stalled(i);
    candidate.computing = computing_in(view_.memory_of(i), gate);
    candidate.failed = failed;
    candidate.keeping = keeping;
    candidates.push_back(candidate);
  }
  if (!has_place_beside_computing(candidates, pending.wish.threads)) return;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].brisk = candidates[i].ready && is_brisk(i);
  }
}

// Waits for a change, and tells the supervisor, which starts first the processes that requests wait
// for.
void Client::wait_for_process(std::uint32_t seen, Nanos deadline) const {
  const Nanos now = base::now();
  view_.board->awaited_at.store(now, std::memory_order_release);
  view_.wait_for_change(seen, std::min(deadline, now + kSignInterval));
}

// Returns true while the process loads that did when the request first looked, unless that time
// counts. One that follows it, because it could not load or died, is no excuse to wait for longer.
bool Client::is_loading(PendingRequest& pending) const {
  if (group_.limits.loading_counts) return false;
  if (!pending.awaited) pending.awaited = find_loading(view_.slots);
  if (!pending.awaited) return false;
  const Slot& slot = view_.slots[pending.awaited->slot];
  return slot.state.load(std::memory_order_acquire) == SlotState::starting &&
         slot.incarnation.load(std::memory_order_acquire) == pending.awaited->incarnation;
}

// Chooses among processes with older code where newer ones lack the script. If no older one is
// left, a process that lacks the script answers with what is wrong with it.
std::optional<std::size_t> Client::choose_for(PendingRequest& pending,
                                              const std::vector<Candidate>& candidates) const {
  pending.wish.code_below = view_.board->broken.lacking_from(pending.target.script);
  const auto chosen = choose(candidates, pending.wish);
  if (chosen || pending.wish.code_below == 0) return chosen;
  pending.wish.code_below = 0;
  return choose(candidates, pending.wish);
}

// Finds a process that lets the request in. Returns false if there is none; pending.outcome tells
// why.
bool Client::find_admission(PendingRequest& pending, Admission& admission) {
  std::vector<Candidate> candidates;
  candidates.reserve(view_.slots.size());
  Nanos connect_deadline = until(group_.limits.connect_timeout);
  unsigned refusals = 0;
  for (;;) {
    const std::uint32_t seen = view_.board->change.load(std::memory_order_acquire);
    const Nanos now = base::now();
    look(pending, candidates);
    const auto chosen = choose_for(pending, candidates);
    if (now >= pending.queue_deadline) return refuse_late(pending, chosen.has_value());
    if (!chosen) {
      const bool excused = view_.is_in_line(now) || is_loading(pending);
      if (excused) connect_deadline = until(group_.limits.connect_timeout);
      if (now >= connect_deadline) return refuse_unready(pending);
      wait_for_process(seen, std::min(pending.queue_deadline, connect_deadline));
      pending.in_line = true;
      continue;
    }
    const std::uint64_t most = room_in(candidates, *chosen, pending);
    if (most == 0) return refuse_overfull(pending);
    const Candidate& best = candidates[*chosen];
    if (best.failed) {  // all have failed: one that recovers, or a new one, may come
      if (pending.astray_until == 0) pending.astray_until = until(group_.limits.connect_timeout);
      if (now >= pending.astray_until) return refuse_stray(pending);
      view_.wait_for_change(seen, std::min(pending.queue_deadline, now + kFirstStay));
      pending.failed.clear();
      continue;
    }
    if (!enter(view_.memory_of(*chosen), best.incarnation, most)) {
      // Other requests may have been faster. Or the process writes rubbish into its gate, perhaps
      // without end.
      if (++refusals % kMostRefusals == 0) view_.wait_for_change(seen, now + kFirstStay);
      continue;
    }
    admission = {*chosen, best.incarnation, best.code, best.in_flight < pending.wish.threads};
    if (!admission.has_free_thread) tell_of_crowd();
    return true;
  }
}

// Returns how many requests the chosen process may have, this one included; 0: the group's line is
// full.
std::uint64_t Client::room_in(const std::vector<Candidate>& candidates, std::size_t chosen,
                              const PendingRequest& pending) const {
  const std::uint64_t threads = pending.wish.threads;
  const std::uint64_t in_flight = candidates[chosen].in_flight;
  if (in_flight < threads) return threads;
  if (pending.in_line) return kNoLimit;  // a request that has waited keeps its place
  const auto line = static_cast<std::uint64_t>(group_.limits.listen_backlog);
  const std::uint64_t everywhere = waiting(candidates, pending.wish.threads);
  if (everywhere >= line) return 0;
  const std::uint64_t elsewhere = everywhere - (in_flight - threads);
  return threads + line - elsewhere;
}

bool Client::refuse(PendingRequest& pending, Counter counter, Outcome outcome,
                    const std::string& why) const {
  view_.count(counter);
  pending.request.log(Level::error, why);
  pending.outcome = outcome;
  return false;
}

bool Client::refuse_late(PendingRequest& pending, bool ready) const {
  const Duration time = queue_time();
  const char* option = time == group_.limits.queue_timeout ? "queue-timeout" : "socket-timeout";
  const std::string group = " of daemon group '" + group_.name + "' was ";
  return refuse(
      pending, Counter::queue_timeout, Outcome::timed_out,
      "BRINE0602: no " + (ready ? "thread" + group + "free" : "process" + group + "ready") +
          " for this request within " + std::to_string(time.count()) + " ms (" + option + ")");
}

bool Client::refuse_unready(PendingRequest& pending) const {
  return refuse(pending, Counter::not_ready, Outcome::not_ready,
                "BRINE0601: no process of daemon group '" + group_.name + "' was ready within " +
                    std::to_string(group_.limits.connect_timeout.count()) +
                    " ms (connect-timeout)");
}

bool Client::refuse_stray(PendingRequest& pending) const {
  return refuse(pending, Counter::not_ready, Outcome::not_ready,
                "BRINE0624: no process of daemon group '" + group_.name +
                    "' took this request up, in " + std::to_string(pending.moves) + " attempts");
}

bool Client::refuse_overfull(PendingRequest& pending) const {
  return refuse(pending, Counter::overfull, Outcome::overfull,
                "BRINE0606: " + std::to_string(group_.limits.listen_backlog) +
                    " requests wait for a thread of daemon group '" + group_.name +
                    "' already (listen-backlog)");
}

// Waits after the script has changed until a process has loaded the new code. If none could, if
// that takes too long, or if the script has changed too often, the old code serves the request, so
// that it is not lost.
void Client::wait_for_code(PendingRequest& pending, std::uint32_t old_code) const {
  std::vector<Candidate> candidates;
  Wish newer = pending.wish;
  newer.least_code = old_code + 1;
  const auto patience = [&] {
    return std::min(pending.queue_deadline, until(group_.limits.connect_timeout));
  };
  Nanos deadline = ++pending.reloads > kMostReloads ? 0 : patience();
  const Nanos heard_by = base::now() + kHearing;
  while (base::now() < deadline) {
    const std::uint32_t seen = view_.board->change.load(std::memory_order_acquire);
    look(pending, candidates);
    newer.code_below = view_.board->broken.lacking_from(pending.target.script);
    if (choose(candidates, newer)) {
      pending.wish.least_code = newer.least_code;
      pending.queue_deadline = base::now() + base::nanos(queue_time());
      return;
    }
    const std::uint32_t failed = view_.board->failed_code.load(std::memory_order_acquire);
    const bool has_failed = failed > old_code && failed >= view_.board->code.load();
    if (has_failed && base::now() >= heard_by) break;
    if (deadline != 0 && view_.is_in_line(base::now())) deadline = patience();
    wait_for_process(seen, has_failed ? std::min(heard_by, deadline) : deadline);
  }
  pending.flags |= kKeepCode;
  pending.queue_deadline = base::now() + base::nanos(queue_time());
}

// Returns until when the process may take the request up. Even where a thread is free this may take
// a while, since a request that was let in later may come before this one.
Nanos Client::take_until(const PendingRequest& pending) const {
  if (group_.processes == 1) return pending.queue_deadline;
  const Nanos stay = kFirstStay << std::min(pending.moves, kMostDoublings);
  return std::min(base::now() + stay, pending.queue_deadline);
}

// Returns an idle connection to the process, or null. Connections that the process has closed, or
// sent something over that no request asked for, are dropped: those bytes would be taken for the
// next answer.
std::unique_ptr<Connection> Client::take_idle(const PendingRequest& pending,
                                              const Admission& admission) {
  while (auto connection = pools_[admission.slot].take(admission.incarnation)) {
    const Io io = connection->reader.peek();
    if (io == Io::timed_out) return connection;
    if (io != Io::ok) continue;
    report_bad_answer(pending.request, group_, view_, view_.slots[admission.slot],
                      "something after the end of its last answer");
  }
  return nullptr;
}

std::unique_ptr<Connection> Client::connect(const PendingRequest& pending,
                                            const Admission& admission) {
  if (auto idle = take_idle(pending, admission)) return idle;
  auto [own, other] = connection_ends();
  const Duration silence = group_.limits.socket_timeout;
  set_socket_times(own.get(), std::chrono::seconds(1), silence);
  // httpd's side may itself wait this long for its client before it reads on.
  set_socket_times(other.get(), 2 * silence, 2 * silence);
  set_buffer_sizes(own.get(), group_.send_buffer_size, group_.receive_buffer_size);
  set_buffer_sizes(other.get(), group_.send_buffer_size, group_.receive_buffer_size);
  const Nanos deadline = std::min(take_until(pending), until(group_.limits.connect_timeout));
  const Introduction introduction{index_, static_cast<std::uint32_t>(admission.slot),
                                  admission.incarnation, std::nullopt};
  if (!introduce(introductions_, introduction, other.get(), deadline)) return nullptr;
  // The process may have died after the supervisor looked for connections that it had not taken.
  if (view_.slots[admission.slot].incarnation.load() != admission.incarnation) return nullptr;
  return std::make_unique<Connection>(std::move(own), admission.incarnation);
}

}  // namespace brine::daemon

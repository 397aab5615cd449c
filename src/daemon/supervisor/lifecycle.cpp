#include "daemon/supervisor/lifecycle.hpp"

#include <algorithm>

namespace brine::daemon {

using base::Nanos;

namespace {

// A process that was sent SIGABRT has this long to write its stacks.
constexpr Nanos kLastWords = 2 * base::kSecond;

// The reason that a process has after a transition.
enum class Why : std::uint8_t {
  as_before,
  first,    // the event's, unless the process has one
  new_one,  // the event's
  none,
  startup_timeout,
};

enum class Until : std::uint8_t { as_before, none, graceful, parting, shutdown, last_words };

enum class Count : std::uint8_t { none, reason, graceful_timeout, shutdown_timeout };

struct PhaseRow {
  Phase from;
  Event event;
  Phase to;
  Why why = Why::as_before;
  Until until = Until::as_before;
  std::array<Action, 2> actions{};
  Count count = Count::none;
  bool of_reload = false;  // only for a process that new code is to replace
};

constexpr std::array<Action, 2> kDrain = {Action::shut_out, Action::send_drain};
constexpr std::array<Action, 2> kStop = {Action::shut_out, Action::send_stop};
constexpr std::array<Action, 2> kAbort = {Action::shut_out, Action::ask_stack};

constexpr PhaseRow drain(Phase from, Event event, Until until) {
  return {from, event, Phase::draining, Why::first, until, kDrain};
}
constexpr PhaseRow stop(Phase from, Event event, Count count = Count::none) {
  return {from, event, Phase::stopping, Why::first, Until::shutdown, kStop, count};
}
constexpr PhaseRow finish(Phase from) {
  return {from, Event::finished, Phase::stopping, Why::new_one, Until::shutdown};
}
constexpr PhaseRow abort(Phase from, Event event, Why why) {
  return {from, event, Phase::stopping, why, Until::last_words, kAbort, Count::reason};
}
constexpr PhaseRow die(Phase from) { return {from, Event::died, Phase::ended}; }

// An event without a row is ignored.
constexpr std::array kPhaseTable = {
    PhaseRow{Phase::starting,
             Event::ready,
             Phase::serving,
             Why::as_before,
             Until::none,
             {Action::let_in}},
    stop(Phase::starting, Event::rejected),
    drain(Phase::starting, Event::dismissed, Until::graceful),
    stop(Phase::starting, Event::shut_down),
    stop(Phase::starting, Event::terminated, Count::reason),
    finish(Phase::starting),
    abort(Phase::starting, Event::stuck, Why::new_one),
    abort(Phase::starting, Event::late, Why::startup_timeout),
    die(Phase::starting),

    PhaseRow{Phase::serving,
             Event::replace,
             Phase::retiring,
             Why::new_one,
             Until::as_before,
             {},
             Count::reason},
    drain(Phase::serving, Event::dismissed, Until::graceful),
    stop(Phase::serving, Event::shut_down),
    stop(Phase::serving, Event::terminated, Count::reason),
    finish(Phase::serving),
    abort(Phase::serving, Event::stuck, Why::new_one),
    die(Phase::serving),

    // If the new code fails, another reason to replace the process still holds.
    PhaseRow{.from = Phase::retiring,
             .event = Event::replace,
             .to = Phase::retiring,
             .why = Why::new_one,
             .of_reload = true},
    PhaseRow{.from = Phase::retiring,
             .event = Event::kept,
             .to = Phase::serving,
             .why = Why::none,
             .of_reload = true},
    PhaseRow{Phase::retiring,
             Event::spared,
             Phase::keeping,
             Why::as_before,
             Until::as_before,
             {Action::show_keeping}},
    drain(Phase::retiring, Event::replaced, Until::parting),
    drain(Phase::retiring, Event::dismissed, Until::graceful),
    stop(Phase::retiring, Event::shut_down),
    stop(Phase::retiring, Event::terminated, Count::reason),
    finish(Phase::retiring),
    abort(Phase::retiring, Event::stuck, Why::new_one),
    die(Phase::retiring),

    drain(Phase::keeping, Event::replaced, Until::parting),
    drain(Phase::keeping, Event::dismissed, Until::graceful),
    stop(Phase::keeping, Event::shut_down),
    stop(Phase::keeping, Event::terminated, Count::reason),
    finish(Phase::keeping),
    abort(Phase::keeping, Event::stuck, Why::new_one),
    die(Phase::keeping),

    stop(Phase::draining, Event::shut_down),
    stop(Phase::draining, Event::terminated, Count::reason),
    PhaseRow{Phase::draining,
             Event::leaving,
             Phase::stopping,
             Why::as_before,
             Until::shutdown,
             {Action::show_leaving}},
    finish(Phase::draining),
    abort(Phase::draining, Event::stuck, Why::new_one),
    stop(Phase::draining, Event::late, Count::graceful_timeout),
    die(Phase::draining),

    PhaseRow{Phase::stopping,
             Event::leaving,
             Phase::stopping,
             Why::as_before,
             Until::as_before,
             {Action::show_leaving}},
    PhaseRow{Phase::stopping,
             Event::late,
             Phase::stopping,
             Why::as_before,
             Until::none,
             {Action::kill},
             Count::shutdown_timeout},
    die(Phase::stopping),
};

const PhaseRow* find_row(Phase phase, Event event) noexcept {
  const auto* const row = std::find_if(
      kPhaseTable.begin(), kPhaseTable.end(),
      [=](const PhaseRow& other) { return other.from == phase && other.event == event; });
  return row != kPhaseTable.end() ? &*row : nullptr;
}

Nanos after(Nanos now, Duration time) { return time.count() == 0 ? 0 : now + base::nanos(time); }

Reason reason_after(const Life& life, Why why, Reason given) noexcept {
  switch (why) {
    case Why::as_before:
      return life.reason;
    case Why::first:
      return life.reason == Reason::none ? given : life.reason;
    case Why::new_one:
      return given;
    case Why::none:
      return Reason::none;
    case Why::startup_timeout:
      return Reason::startup_timeout;
  }
  return life.reason;
}

Nanos deadline_after(const Life& life, Until until, const Limits& limits, Nanos now) noexcept {
  switch (until) {
    case Until::as_before:
      return life.deadline;
    case Until::none:
      return 0;
    case Until::graceful:
      return after(now, limits.graceful_timeout);
    case Until::parting:
      return after(
          now, life.reason == Reason::eviction ? eviction_time(limits) : limits.graceful_timeout);
    case Until::shutdown:
      return after(now, limits.shutdown_timeout);
    case Until::last_words:
      return now + kLastWords;
  }
  return life.deadline;
}

std::optional<Counter> counted(Count count, Reason reason) noexcept {
  switch (count) {
    case Count::none:
      return std::nullopt;
    case Count::reason:
      return counter_of(reason);
    case Count::graceful_timeout:
      return Counter::graceful_timeout;
    case Count::shutdown_timeout:
      return Counter::shutdown_timeout;
  }
  return std::nullopt;
}

bool in_service(Phase phase) noexcept {
  return phase == Phase::serving || phase == Phase::retiring;
}

}  // namespace

bool is_ignored(Phase phase, Event event) noexcept { return find_row(phase, event) == nullptr; }

Life begin(const Limits& limits, Nanos now) {
  Life life;
  life.deadline = after(now, limits.startup_timeout);
  return life;
}

Transition step(const Life& life, const Happening& happening, const Group& group, Nanos now) {
  const PhaseRow* row = find_row(life.phase, happening.event);
  if (row == nullptr || (row->of_reload && life.reason != Reason::reload)) return {life, {}, {}};
  const bool drains = row->to == Phase::draining;
  if (drains && group.is_service()) row = find_row(life.phase, Event::shut_down);
  Transition next{life, row->actions, {}};
  next.life.phase = row->to;
  next.life.reason = reason_after(life, row->why, happening.reason);
  next.life.deadline = deadline_after(life, row->until, group.limits, now);
  next.count = counted(row->count, row->why == Why::first ? happening.reason : next.life.reason);
  if (happening.event == Event::ready) next.life.ready_at = now;
  if (row->count == Count::shutdown_timeout) next.life.timed_out = true;
  return next;
}

std::optional<Happening> due(const Life& life, const Limits& limits, const Vitals& vitals,
                             Nanos now) {
  if (in_service(life.phase)) {
    const Reason reason = verdict(limits, vitals, now);
    if (reason == Reason::none) return std::nullopt;
    return Happening{reason == Reason::deadlock_timeout ? Event::stuck : Event::replace, reason};
  }
  if (life.phase == Phase::draining || life.phase == Phase::keeping) {
    Limits only;
    only.deadlock_timeout = limits.deadlock_timeout;
    const Reason reason = verdict(only, vitals, now);
    if (reason != Reason::none) return Happening{Event::stuck, reason};
  }
  if (life.deadline == 0 || now < life.deadline) return std::nullopt;
  return Happening{Event::late};
}

Nanos due_at(const Life& life, const Limits& limits, const Vitals& vitals, Nanos now) {
  Nanos next = life.deadline;
  const auto consider = [&](Duration limit, Nanos since) {
    const Nanos time = since + base::nanos(limit) + 1;
    if (limit.count() == 0 || since == 0 || time <= now) return;
    if (next == 0 || time < next) next = time;
  };
  if (life.phase != Phase::starting && life.phase != Phase::stopping) {
    consider(limits.deadlock_timeout, vitals.gil_touched);
  }
  if (life.phase == Phase::serving) {
    consider(limits.restart_interval, vitals.ready_at);
    consider(limits.inactivity_timeout, std::max(vitals.activity, vitals.ready_at));
  }
  return next;
}

Counter counter_of(Reason reason) noexcept {
  switch (reason) {
    case Reason::eviction:
      return Counter::eviction;
    case Reason::maximum_requests:
      return Counter::maximum_requests;
    case Reason::restart_interval:
      return Counter::restart_interval;
    case Reason::inactivity_timeout:
      return Counter::inactivity;
    case Reason::deadlock_timeout:
      return Counter::deadlock;
    case Reason::startup_timeout:
      return Counter::startup_timeout;
    case Reason::cpu_time_limit:
      return Counter::cpu_time;
    case Reason::memory_recycle:
      return Counter::memory;
    case Reason::idle:
      return Counter::idle;
    default:
      return Counter::restarts;
  }
}

}  // namespace brine::daemon

// A daemon process's life: pure, with a clock of the test's own.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "daemon/supervisor/lifecycle.hpp"

namespace brine::daemon {
namespace {

using base::kSecond;
using base::Nanos;
using std::chrono::milliseconds;

constexpr Nanos kNow = 1000 * kSecond;
constexpr std::array kPhases = {Phase::starting, Phase::serving,  Phase::retiring, Phase::keeping,
                                Phase::draining, Phase::stopping, Phase::ended};
constexpr std::array kEvents = {
    Event::ready,    Event::rejected,  Event::replace,   Event::kept,       Event::replaced,
    Event::spared,   Event::dismissed, Event::shut_down, Event::terminated, Event::leaving,
    Event::finished, Event::stuck,     Event::late,      Event::died};
static_assert(kPhases.size() == static_cast<std::size_t>(Phase::count_));
static_assert(kEvents.size() == static_cast<std::size_t>(Event::count_));

constexpr std::array<const char*, kPhases.size()> kPhaseNames = {
    "starting", "serving", "retiring", "keeping", "draining", "stopping", "ended"};
constexpr std::array<const char*, kEvents.size()> kEventNames = {
    "ready",     "rejected",   "replace", "kept",     "replaced", "spared", "dismissed",
    "shut_down", "terminated", "leaving", "finished", "stuck",    "late",   "died"};

std::string name(Phase phase, Event event) {
  return std::string(kPhaseNames[static_cast<std::size_t>(phase)]) + " x " +
         kEventNames[static_cast<std::size_t>(event)];
}

Group group() {
  Group group;
  group.limits.startup_timeout = milliseconds(10000);
  group.limits.graceful_timeout = milliseconds(20000);
  group.limits.eviction_timeout = milliseconds(30000);
  group.limits.shutdown_timeout = milliseconds(5000);
  group.limits.deadlock_timeout = milliseconds(60000);
  return group;
}

Group service() {
  Group service = group();
  service.threads = 0;
  return service;
}

Life in(Phase phase, Reason reason = Reason::none) {
  Life life;
  life.phase = phase;
  life.reason = reason;
  return life;
}

using Actions = std::array<Action, 2>;
constexpr Actions kNothing = {};
constexpr Actions kDrain = {Action::shut_out, Action::send_drain};
constexpr Actions kStop = {Action::shut_out, Action::send_stop};
constexpr Actions kAbort = {Action::shut_out, Action::ask_stack};

bool is_same(const Life& a, const Life& b) {
  return a.phase == b.phase && a.reason == b.reason && a.ready_at == b.ready_at &&
         a.deadline == b.deadline && a.timed_out == b.timed_out;
}

// Where an event leads; what is named here and what is ignored are all pairs that there are.
struct Expected {
  Phase from;
  Event event;
  Phase to;
  Actions actions;
  Nanos deadline;  ///< after kNow; 0: none
};

constexpr Nanos kGraceful = 20 * kSecond;
constexpr Nanos kShutdown = 5 * kSecond;
constexpr Nanos kLast = 2 * kSecond;

const std::vector<Expected>& transitions() {
  static const std::vector<Expected> all = {
      {Phase::starting, Event::ready, Phase::serving, {Action::let_in}, 0},
      {Phase::starting, Event::rejected, Phase::stopping, kStop, kShutdown},
      {Phase::starting, Event::dismissed, Phase::draining, kDrain, kGraceful},
      {Phase::starting, Event::shut_down, Phase::stopping, kStop, kShutdown},
      {Phase::starting, Event::terminated, Phase::stopping, kStop, kShutdown},
      {Phase::starting, Event::finished, Phase::stopping, kNothing, kShutdown},
      {Phase::starting, Event::stuck, Phase::stopping, kAbort, kLast},
      {Phase::starting, Event::late, Phase::stopping, kAbort, kLast},
      {Phase::serving, Event::replace, Phase::retiring, kNothing, 0},
      {Phase::serving, Event::dismissed, Phase::draining, kDrain, kGraceful},
      {Phase::serving, Event::shut_down, Phase::stopping, kStop, kShutdown},
      {Phase::serving, Event::terminated, Phase::stopping, kStop, kShutdown},
      {Phase::serving, Event::finished, Phase::stopping, kNothing, kShutdown},
      {Phase::serving, Event::stuck, Phase::stopping, kAbort, kLast},
      {Phase::retiring, Event::replace, Phase::retiring, kNothing, 0},
      {Phase::retiring, Event::kept, Phase::serving, kNothing, 0},
      {Phase::retiring, Event::replaced, Phase::draining, kDrain, kGraceful},
      {Phase::retiring, Event::dismissed, Phase::draining, kDrain, kGraceful},
      {Phase::retiring, Event::shut_down, Phase::stopping, kStop, kShutdown},
      {Phase::retiring, Event::terminated, Phase::stopping, kStop, kShutdown},
      {Phase::retiring, Event::finished, Phase::stopping, kNothing, kShutdown},
      {Phase::retiring, Event::stuck, Phase::stopping, kAbort, kLast},
      {Phase::retiring, Event::spared, Phase::keeping, {Action::show_keeping}, 0},
      {Phase::keeping, Event::replaced, Phase::draining, kDrain, kGraceful},
      {Phase::keeping, Event::dismissed, Phase::draining, kDrain, kGraceful},
      {Phase::keeping, Event::shut_down, Phase::stopping, kStop, kShutdown},
      {Phase::keeping, Event::terminated, Phase::stopping, kStop, kShutdown},
      {Phase::keeping, Event::finished, Phase::stopping, kNothing, kShutdown},
      {Phase::keeping, Event::stuck, Phase::stopping, kAbort, kLast},
      {Phase::keeping, Event::died, Phase::ended, kNothing, 0},
      {Phase::draining, Event::shut_down, Phase::stopping, kStop, kShutdown},
      {Phase::draining, Event::terminated, Phase::stopping, kStop, kShutdown},
      {Phase::draining, Event::leaving, Phase::stopping, {Action::show_leaving}, kShutdown},
      {Phase::draining, Event::finished, Phase::stopping, kNothing, kShutdown},
      {Phase::draining, Event::stuck, Phase::stopping, kAbort, kLast},
      {Phase::draining, Event::late, Phase::stopping, kStop, kShutdown},
      {Phase::stopping, Event::leaving, Phase::stopping, {Action::show_leaving}, 0},
      {Phase::stopping, Event::late, Phase::stopping, {Action::kill}, 0},
      {Phase::starting, Event::died, Phase::ended, kNothing, 0},
      {Phase::serving, Event::died, Phase::ended, kNothing, 0},
      {Phase::retiring, Event::died, Phase::ended, kNothing, 0},
      {Phase::draining, Event::died, Phase::ended, kNothing, 0},
      {Phase::stopping, Event::died, Phase::ended, kNothing, 0},
  };
  return all;
}

// Ignored, by name, and why.
const std::vector<std::pair<Phase, std::vector<Event>>>& ignored() {
  static const std::vector<std::pair<Phase, std::vector<Event>>> all = {
      // It is new, serves nobody, and has not been told to end.
      {Phase::starting,
       {Event::replace, Event::kept, Event::replaced, Event::spared, Event::leaving}},
      // It has said that it is ready; it has no deadline, and nothing is to replace it.
      {Phase::serving,
       {Event::ready, Event::rejected, Event::kept, Event::replaced, Event::spared, Event::leaving,
        Event::late}},
      // Its successor would lack what it goes on for.
      {Phase::keeping,
       {Event::ready, Event::rejected, Event::replace, Event::kept, Event::spared, Event::leaving,
        Event::late}},
      {Phase::retiring, {Event::ready, Event::rejected, Event::leaving, Event::late}},
      // It goes already.
      {Phase::draining,
       {Event::ready, Event::rejected, Event::replace, Event::kept, Event::replaced, Event::spared,
        Event::dismissed}},
      {Phase::stopping,
       {Event::ready, Event::rejected, Event::replace, Event::kept, Event::replaced, Event::spared,
        Event::dismissed, Event::shut_down, Event::terminated, Event::finished, Event::stuck}},
      {Phase::ended, {kEvents.begin(), kEvents.end()}},
  };
  return all;
}

TEST(Lifecycle, EveryPairIsInTheTableOrIgnoredByName) {
  std::vector<std::pair<Phase, Event>> pairs;
  for (const Expected& transition : transitions()) {
    pairs.emplace_back(transition.from, transition.event);
    EXPECT_FALSE(is_ignored(transition.from, transition.event))
        << name(transition.from, transition.event);
  }
  for (const auto& [phase, events] : ignored()) {
    for (const Event event : events) {
      pairs.emplace_back(phase, event);
      EXPECT_TRUE(is_ignored(phase, event)) << name(phase, event);
    }
  }
  std::sort(pairs.begin(), pairs.end());
  EXPECT_EQ(std::adjacent_find(pairs.begin(), pairs.end()), pairs.end()) << "one is there twice";
  EXPECT_EQ(pairs.size(), kPhases.size() * kEvents.size());
}

TEST(Lifecycle, EveryTransitionLeadsWhereTheTableSays) {
  for (const Expected& transition : transitions()) {
    const Reason before = transition.from == Phase::retiring ? Reason::reload : Reason::none;
    const Transition next = step(in(transition.from, before),
                                 {transition.event, Reason::maximum_requests}, group(), kNow);
    const std::string what = name(transition.from, transition.event);
    EXPECT_EQ(next.life.phase, transition.to) << what;
    EXPECT_EQ(next.actions, transition.actions) << what;
    EXPECT_EQ(next.life.deadline, transition.deadline == 0 ? 0 : kNow + transition.deadline)
        << what;
  }
}

TEST(Lifecycle, WhatIsIgnoredChangesNothing) {
  for (const auto& [phase, events] : ignored()) {
    Life life = in(phase, Reason::eviction);
    life.deadline = 17;
    life.ready_at = 4;
    for (const Event event : events) {
      const Transition next = step(life, {event, Reason::shutdown}, group(), kNow);
      EXPECT_TRUE(is_same(next.life, life)) << name(phase, event);
      EXPECT_EQ(next.actions, kNothing) << name(phase, event);
      EXPECT_FALSE(next.count) << name(phase, event);
    }
  }
}

TEST(Lifecycle, AProcessBeginsWithTheTimeThatItHasToStart) {
  EXPECT_EQ(begin(group().limits, kNow).deadline, kNow + 10 * kSecond);
  EXPECT_EQ(begin(Limits(), kNow).deadline, 0);
  EXPECT_EQ(begin(Limits(), kNow).phase, Phase::starting);
}

TEST(Lifecycle, AProcessThatIsReadyHasAllTime) {
  const Transition next = step(begin(group().limits, kNow), {Event::ready}, group(), kNow + 1);
  EXPECT_EQ(next.life.ready_at, kNow + 1);
  EXPECT_EQ(next.life.deadline, 0);
}

TEST(Lifecycle, EachReasonToReplaceAProcessIsCountedAsThatReason) {
  const std::vector<std::pair<Reason, Counter>> counters = {
      {Reason::eviction, Counter::eviction},
      {Reason::reload, Counter::restarts},
      {Reason::maximum_requests, Counter::maximum_requests},
      {Reason::restart_interval, Counter::restart_interval},
      {Reason::inactivity_timeout, Counter::inactivity},
      {Reason::request_timeout, Counter::restarts},
      {Reason::cpu_time_limit, Counter::cpu_time},
      {Reason::memory_recycle, Counter::memory},
      {Reason::descriptors, Counter::restarts},
      {Reason::idle, Counter::idle}};
  for (const auto& [reason, counter] : counters) {
    const Transition next = step(in(Phase::serving), {Event::replace, reason}, group(), kNow);
    EXPECT_EQ(next.life.reason, reason);
    EXPECT_EQ(next.count, counter) << reason_name(reason);
  }
}

TEST(Lifecycle, OtherEndsAreCountedToo) {
  const auto counted = [](Phase phase, Happening happening) {
    return step(in(phase), happening, group(), kNow).count;
  };
  EXPECT_EQ(counted(Phase::starting, {Event::late}), Counter::startup_timeout);
  EXPECT_EQ(counted(Phase::draining, {Event::late}), Counter::graceful_timeout);
  EXPECT_EQ(counted(Phase::stopping, {Event::late}), Counter::shutdown_timeout);
  EXPECT_EQ(counted(Phase::serving, {Event::stuck, Reason::deadlock_timeout}), Counter::deadlock);
  EXPECT_EQ(counted(Phase::serving, {Event::terminated, Reason::shutdown}), Counter::restarts);
  EXPECT_EQ(counted(Phase::serving, {Event::shut_down, Reason::shutdown}), std::nullopt);
  EXPECT_EQ(counted(Phase::serving, {Event::dismissed, Reason::graceful_restart}), std::nullopt);
}

TEST(Lifecycle, TheFirstReasonToGoIsTheOneThatIsTold) {
  const Life evicted = in(Phase::retiring, Reason::eviction);
  EXPECT_EQ(step(evicted, {Event::dismissed, Reason::graceful_restart}, group(), kNow).life.reason,
            Reason::eviction);
  EXPECT_EQ(step(evicted, {Event::shut_down, Reason::shutdown}, group(), kNow).life.reason,
            Reason::eviction);
  EXPECT_EQ(step(in(Phase::serving), {Event::dismissed, Reason::graceful_restart}, group(), kNow)
                .life.reason,
            Reason::graceful_restart);
  EXPECT_EQ(step(evicted, {Event::stuck, Reason::deadlock_timeout}, group(), kNow).life.reason,
            Reason::deadlock_timeout)
      << "its end is another one";
}

TEST(Lifecycle, OldCodeThatIsKeptKeepsNoProcessThatGoesForAnotherReason) {
  const Life reloading = in(Phase::retiring, Reason::reload);
  EXPECT_EQ(step(reloading, {Event::kept}, group(), kNow).life.phase, Phase::serving);
  EXPECT_EQ(step(reloading, {Event::kept}, group(), kNow).life.reason, Reason::none);
  const Life evicted = step(reloading, {Event::replace, Reason::eviction}, group(), kNow).life;
  EXPECT_EQ(evicted.reason, Reason::eviction);
  EXPECT_EQ(step(evicted, {Event::kept}, group(), kNow).life.phase, Phase::retiring);
  EXPECT_EQ(step(evicted, {Event::replace, Reason::reload}, group(), kNow).life.reason,
            Reason::eviction);
}

TEST(Lifecycle, AnEvictedProcessHasATimeOfItsOwn) {
  const auto deadline = [](Reason reason, const Group& of) {
    return step(in(Phase::retiring, reason), {Event::replaced}, of, kNow).life.deadline;
  };
  EXPECT_EQ(deadline(Reason::eviction, group()), kNow + 30 * kSecond);
  EXPECT_EQ(deadline(Reason::reload, group()), kNow + 20 * kSecond);
  Group without = group();
  without.limits.eviction_timeout = milliseconds(0);
  EXPECT_EQ(deadline(Reason::eviction, without), kNow + 20 * kSecond);
  without.limits.graceful_timeout = milliseconds(0);
  EXPECT_EQ(deadline(Reason::reload, without), 0) << "0 is no limit";
}

TEST(Lifecycle, AServiceIsStoppedWhereOthersDrain) {
  for (const auto& [phase, event] :
       {std::pair(Phase::starting, Event::dismissed), std::pair(Phase::serving, Event::dismissed),
        std::pair(Phase::retiring, Event::dismissed),
        std::pair(Phase::retiring, Event::replaced)}) {
    const Transition next = step(in(phase), {event, Reason::graceful_restart}, service(), kNow);
    EXPECT_EQ(next.life.phase, Phase::stopping) << name(phase, event);
    EXPECT_EQ(next.actions, kStop) << name(phase, event);
    EXPECT_EQ(next.life.deadline, kNow + kShutdown) << name(phase, event);
    EXPECT_EQ(next.life.reason, Reason::graceful_restart) << name(phase, event);
  }
}

TEST(Lifecycle, AProcessThatDoesNotLeaveIsKilledOnce) {
  Life life = step(in(Phase::serving), {Event::shut_down, Reason::shutdown}, group(), kNow).life;
  EXPECT_FALSE(due(life, group().limits, {}, kNow + 5 * kSecond - 1));
  const auto late = due(life, group().limits, {}, kNow + 5 * kSecond);
  ASSERT_TRUE(late);
  const Transition killed = step(life, *late, group(), kNow + 5 * kSecond);
  EXPECT_EQ(killed.actions[0], Action::kill);
  EXPECT_TRUE(killed.life.timed_out);
  EXPECT_FALSE(due(killed.life, group().limits, {}, kNow + 500 * kSecond));
}

// --- what time brings

Vitals healthy() { return {.ready_at = kNow, .activity = kNow, .gil_touched = kNow, .served = 1}; }

TEST(Due, SaysThatAPhaseHasLastedTooLong) {
  for (const Phase phase : {Phase::starting, Phase::draining, Phase::stopping}) {
    Life life = in(phase);
    EXPECT_FALSE(due(life, group().limits, healthy(), kNow + kSecond)) << "no deadline";
    life.deadline = kNow + kSecond;
    EXPECT_FALSE(due(life, group().limits, healthy(), kNow + kSecond - 1));
    const auto late = due(life, group().limits, healthy(), kNow + kSecond);
    ASSERT_TRUE(late);
    EXPECT_EQ(late->event, Event::late);
    EXPECT_EQ(due_at(life, group().limits, healthy(), kNow), kNow + kSecond);
  }
}

TEST(Due, SaysThatAProcessHangs) {
  for (const Phase phase : {Phase::serving, Phase::retiring, Phase::keeping, Phase::draining}) {
    const auto hung = due(in(phase), group().limits, healthy(), kNow + 60 * kSecond + 1);
    ASSERT_TRUE(hung);
    EXPECT_EQ(hung->event, Event::stuck);
    EXPECT_EQ(hung->reason, Reason::deadlock_timeout);
    EXPECT_EQ(due_at(in(phase), group().limits, healthy(), kNow), kNow + 60 * kSecond + 1);
  }
  EXPECT_FALSE(due(in(Phase::starting), group().limits, healthy(), kNow + 600 * kSecond));
  EXPECT_FALSE(due(in(Phase::stopping), group().limits, healthy(), kNow + 600 * kSecond));
}

TEST(Due, SaysThatAProcessHasToBeReplaced) {
  Limits limits = group().limits;
  limits.restart_interval = milliseconds(3000);
  limits.inactivity_timeout = milliseconds(2000);
  const Nanos idle = kNow + 2 * kSecond + 1;
  EXPECT_EQ(due_at(in(Phase::serving), limits, healthy(), kNow), idle);
  EXPECT_EQ(due_at(in(Phase::retiring), limits, healthy(), kNow), kNow + 60 * kSecond + 1);
  const auto reason = due(in(Phase::serving), limits, healthy(), idle);
  ASSERT_TRUE(reason);
  EXPECT_EQ(reason->event, Event::replace);
  EXPECT_EQ(reason->reason, Reason::inactivity_timeout);
  EXPECT_FALSE(due(in(Phase::draining), limits, healthy(), idle)) << "it goes already";
  EXPECT_FALSE(due(in(Phase::keeping), limits, healthy(), idle)) << "it is to stay";
}

}  // namespace
}  // namespace brine::daemon

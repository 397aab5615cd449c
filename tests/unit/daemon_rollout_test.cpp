// Which code a group's processes run, and when they are started: pure, with a clock of the test's
// own.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "daemon/supervisor/rollout.hpp"

namespace brine::daemon {
namespace {

using base::kSecond;
using base::Nanos;
using std::chrono::milliseconds;

constexpr Nanos kNow = 1000 * kSecond;

Group group_of(int processes, int threads = 5) {
  Group group;
  group.processes = processes;
  group.threads = threads;
  group.limits.connect_timeout = milliseconds(15000);
  return group;
}

// A group whose processes run version 1, and that has been asked for version 2.
Rollout deploying() {
  Rollout rollout(1, 0);
  rollout.prove(1);
  rollout.ask_for_new_code();
  return rollout;
}

Death death(std::uint32_t code = 2) {
  Death death;
  death.code = code;
  death.exited = true;
  return death;
}

// --- the table

TEST(Fate, IsWhatTheTableSays) {
  using Row = std::pair<Attempt, std::vector<Fate>>;
  const std::vector<Row> table = {
      {Attempt::loaded, {Fate::serves, Fate::serves, Fate::serves}},
      {Attempt::partial, {Fate::serves_beside, Fate::serves_beside, Fate::serves_beside}},
      {Attempt::lacking, {Fate::serves_beside, Fate::rejected, Fate::rejected}},
      {Attempt::overdue, {Fate::waited_for, Fate::waited_for, Fate::passed_over}},
      {Attempt::no_place, {Fate::waited_for, Fate::waited_for, Fate::passed_over}},
      {Attempt::hung, {Fate::replaced, Fate::replaced, Fate::rejected}},
      {Attempt::died, {Fate::replaced, Fate::replaced, Fate::rejected}}};
  ASSERT_EQ(table.size(), static_cast<std::size_t>(Attempt::count_));
  for (const auto& [attempt, fates] : table) {
    ASSERT_EQ(fates.size(), static_cast<std::size_t>(Others::count_));
    for (std::size_t others = 0; others < fates.size(); ++others) {
      EXPECT_EQ(fate_of(attempt, static_cast<Others>(others)), fates[others])
          << static_cast<int>(attempt) << " x " << others;
    }
  }
}

TEST(Judge, AsksWhatSpeaksForAProcessThatLacksScripts) {
  EXPECT_EQ(judge({.any = true, .newer = true}), Attempt::partial);
  EXPECT_EQ(judge({.any = true, .wanted = true}), Attempt::partial);
  EXPECT_EQ(judge({.any = true}), Attempt::lacking) << "those that serve are as good";
  EXPECT_EQ(judge({.newer = true, .wanted = true}), Attempt::lacking) << "it can serve nothing";
}

TEST(Rollout, KnowsThatItsNewestCodeIsGivenUp) {
  Rollout rollout = deploying();
  EXPECT_FALSE(rollout.is_given_up());
  rollout.reject(2, false, false, kNow);
  EXPECT_TRUE(rollout.is_given_up());
  rollout.ask_for_new_code();
  EXPECT_FALSE(rollout.is_given_up());
}

TEST(Fate, DependsOnWhoIsThere) {
  const Rollout rollout = deploying();
  EXPECT_EQ(rollout.beside(2, false), Others::none);
  EXPECT_EQ(rollout.beside(2, true), Others::older);
  EXPECT_EQ(rollout.beside(1, true), Others::proven);
}

// --- versions of the code

TEST(Rollout, BeginsWithTheFirstVersion) {
  const Rollout rollout(0, 0);
  EXPECT_EQ(rollout.asked(), 1U);
  EXPECT_EQ(rollout.proven(), 0U);
}

TEST(Rollout, TriesAnewWhatAPredecessorHadGivenUp) {
  EXPECT_EQ(Rollout(7, 7).asked(), 8U);
  EXPECT_EQ(Rollout(7, 6).asked(), 7U);
}

TEST(Rollout, AChangeIsNewsToWhoeverRunsTheNewestCode) {
  const Rollout rollout = deploying();
  EXPECT_FALSE(rollout.is_news(1, false)) << "newer is under way";
  EXPECT_TRUE(rollout.is_news(2, false));
}

TEST(Rollout, WhileCodeFailsOnlyAChangeIsNews) {
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.reject(2, false, false, kNow), Rejection::kept_news);
  EXPECT_FALSE(rollout.is_news(1, false));
  EXPECT_FALSE(rollout.is_news(2, false));
  EXPECT_TRUE(rollout.is_news(1, true));
}

TEST(Rollout, RejectedCodeIsTriedAgainAfterPausesThatGrow) {
  Rollout rollout = deploying();
  Nanos now = kNow;
  for (const Nanos pause : {kSecond, kSecond, 2 * kSecond, 4 * kSecond, 8 * kSecond, 16 * kSecond,
                            30 * kSecond, 30 * kSecond}) {
    rollout.reject(rollout.asked(), false, false, now);
    EXPECT_FALSE(rollout.retry_is_due(now + pause - 1)) << pause;
    EXPECT_TRUE(rollout.retry_is_due(now + pause)) << pause;
    EXPECT_EQ(rollout.next_look(now), now + pause);
    now += pause;
    rollout.ask_for_new_code();
    EXPECT_FALSE(rollout.retry_is_due(now)) << "it is being tried";
  }
  rollout.prove(rollout.asked());
  rollout.ask_for_new_code();
  rollout.reject(rollout.asked(), false, false, now);
  EXPECT_TRUE(rollout.retry_is_due(now + kSecond)) << "it begins anew";
}

TEST(Rollout, ThatCodeDoesNotLoadIsNewsOnceForEachChange) {
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.reject(2, false, false, kNow), Rejection::kept_news);
  rollout.ask_for_new_code();
  EXPECT_EQ(rollout.reject(3, false, false, kNow), Rejection::kept);
  rollout.ask_for_new_code();
  EXPECT_EQ(rollout.reject(4, false, true, kNow), Rejection::kept_news);
}

TEST(Rollout, WhoWaitsForMendedCodeWaitsOn) {
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.reject(2, true, true, kNow), Rejection::ask_anew);
  EXPECT_EQ(rollout.failed(), 0U);
  EXPECT_FALSE(rollout.is_tried_again());
}

TEST(Rollout, NewerCodeIsNotRejectedWithOlder) {
  Rollout rollout = deploying();
  rollout.ask_for_new_code();
  EXPECT_EQ(rollout.reject(2, true, true, kNow), Rejection::superseded);
  EXPECT_EQ(rollout.failed(), 2U);
  EXPECT_EQ(rollout.asked(), 3U);
  EXPECT_FALSE(rollout.is_tried_again());
}

TEST(Rollout, CodeThatIsReadyAfterAllWasGivenUpTooEarly) {
  Rollout rollout = deploying();
  EXPECT_TRUE(rollout.pass_over(2));
  EXPECT_EQ(rollout.failed(), 2U);
  rollout.prove(2);
  EXPECT_EQ(rollout.failed(), 1U);
  EXPECT_EQ(rollout.proven(), 2U);
}

TEST(Rollout, AProcessWithProvenCodeIsInNobodysWay) {
  const Rollout rollout = deploying();
  EXPECT_TRUE(rollout.is_in_the_way(2, true));
  EXPECT_FALSE(rollout.is_in_the_way(1, true));
  EXPECT_TRUE(rollout.is_in_the_way(1, false));
}

// --- scripts that nobody has

TEST(Rollout, WhatNobodyHasIsLoadedAgainAfterPausesThatGrow) {
  Rollout rollout(1, 0);
  rollout.note_lacking(false, kNow);
  EXPECT_FALSE(rollout.loads_are_due(kNow + 60 * kSecond));
  rollout.note_lacking(true, kNow);
  Nanos now = kNow + kSecond / 2;
  EXPECT_FALSE(rollout.loads_are_due(now - 1));
  for (const Nanos pause : {kSecond, 2 * kSecond, 4 * kSecond}) {
    EXPECT_TRUE(rollout.loads_are_due(now));
    rollout.note_loads(true, now);
    EXPECT_FALSE(rollout.loads_are_due(now + pause - 1));
    now += pause;
  }
  rollout.note_loads(false, now);
  EXPECT_FALSE(rollout.loads_are_due(now + 60 * kSecond));
}

// --- how many are started

Census census(std::ptrdiff_t starting, std::ptrdiff_t serving, std::ptrdiff_t retiring,
              std::ptrdiff_t others = 0) {
  return {starting, serving, retiring, starting + serving + retiring + others};
}

TEST(Missing, IsWhatAGroupHasTooFew) {
  Rollout rollout(1, 0);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 0, 0), false, kNow), 4);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(3, 0, 0), false, kNow), 1);
  rollout.prove(1);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(1, 2, 0), false, kNow), 1);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 1, 3), false, kNow), 3);
}

TEST(Missing, IsOneWhereNobodyKnowsWhetherTheCodeLoads) {
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 0, 4), false, kNow), 1);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(1, 0, 4), false, kNow), 0);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 0, 0, 4), false, kNow), 4) << "nobody serves";
}

TEST(Missing, IsNoneWhileTheNewestCodeIsRejectedAndOthersServe) {
  Rollout rollout = deploying();
  rollout.reject(2, false, false, kNow);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 3, 0), false, kNow), 0);
  EXPECT_EQ(rollout.missing(group_of(4), 4, census(0, 0, 0), false, kNow), 4);
}

TEST(Missing, IsAQuarterAtOnceOfThoseThatServeMeanwhile) {
  Rollout rollout(1, 0);
  rollout.prove(1);
  struct Row {
    int processes;
    std::ptrdiff_t starting, serving, retiring, recycled, missing;
  };
  const std::vector<Row> table = {{1, 0, 0, 1, 1, 1},   {4, 0, 0, 4, 4, 1}, {4, 1, 0, 4, 4, 0},
                                  {4, 0, 1, 3, 3, 1},   {4, 0, 1, 3, 0, 3},  // evicted
                                  {4, 0, 1, 3, 1, 2},                        // one of them recycled
                                  {4, 2, 1, 2, 1, 0},   {4, 0, 0, 2, 2, 2},  // two have crashed
                                  {4, 1, 0, 2, 2, 1},   {4, 2, 0, 2, 2, 0}, {16, 0, 0, 16, 16, 4},
                                  {16, 3, 0, 16, 16, 1}};
  for (const Row& row : table) {
    Census there = census(row.starting, row.serving, row.retiring);
    there.recycled = row.recycled;
    EXPECT_EQ(std::max<std::ptrdiff_t>(
                  rollout.missing(group_of(row.processes), row.processes, there, false, kNow), 0),
              row.missing)
        << row.processes << ": " << row.starting << ' ' << row.serving << ' ' << row.retiring << ' '
        << row.recycled;
  }
}

TEST(Missing, OfAServiceIsWhatHasEnded) {
  Rollout rollout(1, 0);
  rollout.prove(1);
  EXPECT_EQ(rollout.missing(group_of(1, 0), 1, census(0, 0, 0, 1), false, kNow), 0);
  EXPECT_EQ(rollout.missing(group_of(1, 0), 1, census(0, 0, 0, 0), false, kNow), 1);
}

// --- pauses between starts

TEST(Pause, GrowsWithProcessesThatCannotStart) {
  Rollout rollout(1, 0);
  Nanos now = kNow;
  for (const Nanos pause : {kSecond / 2, kSecond, 2 * kSecond, 4 * kSecond}) {
    EXPECT_EQ(rollout.note_death(death(1), false, now), Fate::replaced);
    EXPECT_FALSE(rollout.may_start(now + pause - 1));
    EXPECT_TRUE(rollout.may_start(now + pause));
    EXPECT_EQ(rollout.next_look(now), now + pause);
    now += pause;
  }
}

TEST(Pause, EndsWhenFilesAreMended) {
  Rollout rollout(1, 0);
  for (int i = 0; i < 5; ++i) rollout.note_death(death(1), false, kNow);
  EXPECT_EQ(rollout.missing(group_of(1), 1, census(0, 0, 0), false, kNow + 1), 0);
  EXPECT_EQ(rollout.missing(group_of(1), 1, census(0, 0, 0), true, kNow + 1), 1);
  EXPECT_TRUE(rollout.may_start(kNow + 1));
}

TEST(Pause, DoesNotEndByMendedFilesWhereTheSystemRefusesToFork) {
  Rollout rollout(1, 0);
  rollout.note_refused_fork(kNow);
  EXPECT_EQ(rollout.missing(group_of(1), 1, census(0, 0, 0), true, kNow + 1), 0);
  EXPECT_EQ(rollout.missing(group_of(1), 1, census(0, 0, 0), true, kNow + kSecond / 2), 1);
  rollout.note_fork();
}

TEST(Pause, IsNoneForCrashesOfProcessesThatWereOfUse) {
  Rollout rollout(1, 0);
  rollout.prove(1);
  Death crash = death(1);
  crash.exited = false;
  crash.was_ready = true;
  crash.of_use = true;
  for (int i = 0; i < 20; ++i) {
    rollout.note_death(crash, true, kNow);
    EXPECT_TRUE(rollout.may_start(kNow));
  }
  crash.of_use = false;
  for (int i = 0; i < 5; ++i) rollout.note_death(crash, true, kNow);
  EXPECT_TRUE(rollout.may_start(kNow)) << "the first crashes are answered at once";
  rollout.note_death(crash, true, kNow);
  EXPECT_FALSE(rollout.may_start(kNow));
}

TEST(Pause, IsNoneForProcessesThatWereToldToEnd) {
  Rollout rollout(1, 0);
  Death told = death(1);
  told.told = true;
  for (int i = 0; i < 20; ++i) rollout.note_death(told, true, kNow);
  EXPECT_TRUE(rollout.may_start(kNow));
}

TEST(Pause, FollowsServicesThatReturnAndProcessesThatHang) {
  Rollout service(1, 0);
  service.note_end_of_service(false, kNow);
  EXPECT_FALSE(service.may_start(kNow + kSecond / 2 - 1));
  Rollout hung(1, 0);
  hung.note_hung(kNow);
  EXPECT_TRUE(hung.may_start(kNow)) << "once is no pattern";
  hung.note_hung(kNow);
  EXPECT_FALSE(hung.may_start(kNow));
}

TEST(Pause, FollowsProcessesThatAreSoonOutOfDescriptors) {
  Rollout rollout(1, 0);
  rollout.note_exhausted(true, kNow);
  EXPECT_TRUE(rollout.may_start(kNow));
  rollout.note_exhausted(true, kNow);
  EXPECT_FALSE(rollout.may_start(kNow));
  rollout.note_exhausted(false, kNow);
  EXPECT_TRUE(rollout.may_start(kNow + kSecond));
}

// --- ends

TEST(Rollout, BlamesNewCodeForAProcessThatDiesOfIt) {
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.note_death(death(2), true, kNow), Fate::rejected);
  EXPECT_EQ(rollout.note_death(death(1), true, kNow), Fate::replaced) << "others run that";
  EXPECT_EQ(rollout.note_death(death(2), false, kNow), Fate::replaced) << "nobody else serves";
}

TEST(Rollout, TakesOneKillForAnAccident) {
  Death killed = death(2);
  killed.exited = false;
  killed.killed = true;
  Rollout rollout = deploying();
  EXPECT_EQ(rollout.note_death(killed, true, kNow), Fate::replaced);
  EXPECT_EQ(rollout.note_death(killed, true, kNow), Fate::rejected) << "twice is none";
  Rollout slow = deploying();
  killed.overdue = true;
  EXPECT_EQ(slow.note_death(killed, true, kNow), Fate::rejected)
      << "somebody saw that TERM does not help";
}

TEST(Rollout, GivesNewCodeUpThatFindsNoPlace) {
  Rollout rollout = deploying();
  const Limits limits = group_of(1).limits;
  EXPECT_TRUE(rollout.note_full(kNow));
  EXPECT_FALSE(rollout.note_full(kNow + 1)) << "it is known";
  EXPECT_FALSE(rollout.is_full_for_long(limits, kNow + 15 * kSecond - 1));
  EXPECT_TRUE(rollout.is_full_for_long(limits, kNow + 15 * kSecond));
  rollout.pass_over(2);
  EXPECT_FALSE(rollout.is_full_for_long(limits, kNow + 15 * kSecond)) << "once is enough";
  EXPECT_EQ(rollout.missing(group_of(1), 1, census(0, 0, 1), false, kNow + 16 * kSecond), 1)
      << "it is only that there is no place";
  rollout.note_place();
  EXPECT_TRUE(rollout.note_full(kNow + 20 * kSecond));
}

TEST(IsOverdue, IsAfterTheTimeThatARequestWaits) {
  Limits limits;
  limits.connect_timeout = milliseconds(3000);
  EXPECT_FALSE(is_overdue(limits, kNow, kNow + 3 * kSecond - 1));
  EXPECT_TRUE(is_overdue(limits, kNow, kNow + 3 * kSecond));
  limits.connect_timeout = milliseconds(0);
  EXPECT_FALSE(is_overdue(limits, kNow, kNow + 3000 * kSecond));
}

}  // namespace
}  // namespace brine::daemon

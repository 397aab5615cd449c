// Decisions about daemon processes and their requests: pure, without a clock.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "daemon/client/select_process.hpp"
#include "daemon/shared/broken_scripts.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/supervisor/exit_report.hpp"
#include "daemon/supervisor/policy.hpp"
#include "daemon/supervisor/process.hpp"
#include "daemon/supervisor/script_registry.hpp"
#include "daemon/worker/computing.hpp"
#include "daemon/worker/request_deadline.hpp"

namespace brine::daemon {
namespace {

using base::kMillisecond;
using base::kSecond;
using base::Nanos;
using std::chrono::milliseconds;

// --- which process a request goes to
// ---------------------------------------------------------------

Candidate ready(std::uint32_t in_flight, std::uint32_t code = 1) {
  Candidate candidate;
  candidate.ready = true;
  candidate.incarnation = 7;
  candidate.code = code;
  candidate.in_flight = in_flight;
  return candidate;
}

// A process in which so many of the requests compute.
Candidate computing(std::uint32_t in_flight, std::uint32_t computing = 1, std::uint32_t code = 1) {
  Candidate candidate = ready(in_flight, code);
  candidate.computing = computing;
  return candidate;
}

// A process all of whose threads have requests, that end soon.
Candidate brisk(std::uint32_t in_flight, std::uint32_t code = 1) {
  Candidate candidate = ready(in_flight, code);
  candidate.brisk = true;
  return candidate;
}
constexpr Candidate kNotReady{};

TEST(Choose, TakesTheLeastLoadedProcessThatIsReady) {
  const std::vector<Candidate> candidates = {kNotReady, ready(3), ready(1), ready(2)};
  EXPECT_EQ(choose(candidates, {.threads = 5}), 2U);
}

TEST(Choose, FindsNothingWhereNoneIsReady) {
  const std::vector<Candidate> candidates = {kNotReady, kNotReady};
  EXPECT_EQ(choose(candidates, {.threads = 5}), std::nullopt);
  EXPECT_EQ(choose({}, {.threads = 5}), std::nullopt);
}

TEST(Choose, PrefersNewerCodeWhereAThreadIsFree) {
  const std::vector<Candidate> candidates = {ready(0, 1), ready(4, 2), ready(3, 2)};
  EXPECT_EQ(choose(candidates, {.threads = 5}), 2U);
}

TEST(Choose, PrefersAFreeThreadToALine) {
  const std::vector<Candidate> candidates = {ready(1, 1), ready(5, 2)};
  EXPECT_EQ(choose(candidates, {.threads = 5}), 0U);
  EXPECT_EQ(choose(candidates, {.threads = 6}), 1U);
  const std::vector<Candidate> full = {ready(5, 1), ready(9, 2), ready(8, 2)};
  EXPECT_EQ(choose(full, {.threads = 5}), 2U);
}

TEST(Choose, PrefersAnyOtherToOneThatHasFailed) {
  std::vector<Candidate> candidates = {ready(0, 2), ready(9, 1)};
  candidates[0].failed = true;
  EXPECT_EQ(choose(candidates, {.threads = 5}), 1U);
  candidates[1].failed = true;
  EXPECT_EQ(choose(candidates, {.threads = 5}), 0U);
}

TEST(Choose, PrefersALineThatMoves) {
  std::vector<Candidate> candidates = {ready(5, 2), ready(9, 1)};
  candidates[0].stalled = true;
  EXPECT_EQ(choose(candidates, {.threads = 5}), 1U);
  candidates[1].stalled = true;
  EXPECT_EQ(choose(candidates, {.threads = 5}), 0U);
}

TEST(Choose, KeepsToTheLeastCodeThatIsAskedFor) {
  const std::vector<Candidate> candidates = {ready(0, 1), ready(5, 2)};
  EXPECT_EQ(choose(candidates, {.threads = 5, .least_code = 2}), 1U);
  EXPECT_EQ(choose(candidates, {.threads = 5, .least_code = 3}), std::nullopt);
}

TEST(Choose, KeepsToOlderCodeWhereNewerLacksTheScript) {
  std::vector<Candidate> candidates = {ready(0, 3), ready(4, 2), ready(3, 1)};
  EXPECT_EQ(choose(candidates, {.threads = 5, .code_below = 3}), 1U);
  EXPECT_EQ(choose(candidates, {.threads = 5, .code_below = 1}), std::nullopt);
  EXPECT_EQ(choose(candidates, {.threads = 5, .least_code = 3, .code_below = 3}), std::nullopt);
}

TEST(Choose, LeavesAProcessThatKeepsOldCodeToRequestsThatNeedIt) {
  std::vector<Candidate> candidates = {ready(9, 2), ready(0, 1)};
  candidates[1].keeping = true;
  EXPECT_EQ(choose(candidates, {.threads = 5}), 0U) << "though it has a free thread";
  EXPECT_EQ(choose(candidates, {.threads = 5, .code_below = 2}), 1U);
}

TEST(Choose, KnowsWhereARequestWouldWaitForOneThatComputes) {
  const Wish wish{.threads = 5, .line = 100};
  struct Case {
    const char* what;
    std::vector<Candidate> candidates;
    std::size_t best;
  };
  const Case cases[] = {
      {"any other free thread", {computing(1), ready(4)}, 1},
      {"though its code is older", {computing(1, 1, 2), ready(4, 1)}, 1},
      {"fewer that compute", {computing(2, 2), computing(4, 1)}, 1},
      {"but newer code before that", {computing(2, 2, 2), computing(4, 1, 1)}, 0},
      {"fewer requests of as many that compute", {computing(3), computing(2)}, 1},
      {"a short, brisk line", {computing(1), brisk(9)}, 1},
      {"no long one", {computing(1), brisk(10)}, 0},
      {"no line whose requests take long", {computing(1), ready(5)}, 0},
      {"a free thread beside it before a full process", {computing(4), computing(5)}, 0},
      {"of two lines the one where nothing computes", {computing(5), ready(8)}, 1},
  };
  for (const Case& each : cases) EXPECT_EQ(choose(each.candidates, wish), each.best) << each.what;
}

TEST(Choose, SendsNothingIntoALineThatIsFull) {
  const std::vector<Candidate> candidates = {computing(1), brisk(7)};
  EXPECT_EQ(choose(candidates, {.threads = 5, .line = 3}), 1U);
  EXPECT_EQ(choose(candidates, {.threads = 5, .line = 2}), 0U);
}

TEST(HasPlaceBesideComputing, IsTrueOnlyForAFreeThreadOfAReadyProcess) {
  EXPECT_TRUE(has_place_beside_computing(std::vector{ready(0), computing(4)}, 5));
  EXPECT_FALSE(has_place_beside_computing(std::vector{ready(0), computing(5)}, 5));
  std::vector<Candidate> closed = {computing(1)};
  closed[0].ready = false;
  EXPECT_FALSE(has_place_beside_computing(closed, 5));
}

TEST(LookAgain, FindsARequestThatHasComputedLately) {
  constexpr Nanos kBegun = kSecond, kFirst = kBegun + kMillisecond;
  constexpr Nanos kUsed = 3 * kSecond;  // by requests before
  const CpuLook first = look_again({}, kBegun, kFirst, kUsed);
  EXPECT_FALSE(first.computes);
  const Nanos later = kFirst + kComputes;
  EXPECT_FALSE(look_again(first, kBegun, later, kUsed + kComputes - 1).computes);
  const CpuLook second = look_again(first, kBegun, later, kUsed + kComputes);
  EXPECT_TRUE(second.computes);
  EXPECT_TRUE(look_again(second, kBegun, later + 1, kUsed + kComputes).computes) << "just now";
  EXPECT_FALSE(look_again(second, later + 1, later + 2, kUsed + 2 * kComputes).computes)
      << "another request";
  EXPECT_FALSE(look_again(second, 0, later + 1, kUsed + kComputes).computes) << "no request";
}

TEST(LookAgain, ForgetsWhatWasComputedLongAgo) {
  CpuLook look = look_again({}, kSecond, kSecond, 0);
  look = look_again(look, kSecond, 2 * kSecond, kComputes);
  EXPECT_TRUE(look.computes) << "as its script was loaded";
  look = look_again(look, kSecond, 2 * kSecond + kComputesWithin - 1, kComputes);
  EXPECT_TRUE(look.computes);
  look = look_again(look, kSecond, 2 * kSecond + kComputesWithin, kComputes);
  EXPECT_FALSE(look.computes) << "it only waits";
  for (int round = 1; round <= 20; ++round) {
    const Nanos now = 3 * kSecond + round * kComputesWithin;
    look = look_again(look, kSecond, now, kComputes + round * kMillisecond);
    EXPECT_FALSE(look.computes) << "what it does beside waiting is little";
  }
}

TEST(Waiting, CountsWhatExceedsTheThreadsOfEachProcessThatIsReady) {
  const std::vector<Candidate> candidates = {ready(7), ready(3), ready(5), kNotReady};
  EXPECT_EQ(waiting(candidates, 5), 2U);
  EXPECT_EQ(waiting({}, 5), 0U);
}

// --- what is done about a request's time
// -----------------------------------------------------------

constexpr RequestTimes kTimes{.timeout = 10 * kSecond, .interrupt = 2 * kSecond};

TEST(NextStep, WarnsAtHalfAndEndsAtTheDeadline) {
  const Watched fresh{.since = kSecond};
  EXPECT_EQ(next_step(fresh, kTimes, 2 * kSecond).step, Step::none);
  EXPECT_EQ(next_step(fresh, kTimes, 2 * kSecond).look_again, 6 * kSecond);
  EXPECT_EQ(next_step(fresh, kTimes, 6 * kSecond).step, Step::warn);
  const Watched warned{.since = kSecond, .warned = true};
  EXPECT_EQ(next_step(warned, kTimes, 11 * kSecond - 1).step, Step::none);
  EXPECT_EQ(next_step(warned, kTimes, 11 * kSecond - 1).look_again, 11 * kSecond);
  EXPECT_EQ(next_step(warned, kTimes, 11 * kSecond).step, Step::time_out);
}

TEST(NextStep, GivesUpWhenTheInterruptTimeIsOverToo) {
  const Watched interrupted{.since = kSecond, .warned = true, .timed_out = true};
  EXPECT_EQ(next_step(interrupted, kTimes, 12 * kSecond).step, Step::none);
  EXPECT_EQ(next_step(interrupted, kTimes, 12 * kSecond).look_again, 13 * kSecond);
  EXPECT_EQ(next_step(interrupted, kTimes, 13 * kSecond).step, Step::give_up);
  Watched done = interrupted;
  done.given_up = true;
  EXPECT_EQ(next_step(done, kTimes, 99 * kSecond).step, Step::none);
}

TEST(NextSlowStep, TellsOnceWhenTheTimeIsOver) {
  const Watched fresh{.since = kSecond};
  EXPECT_EQ(next_slow_step(fresh, 3 * kSecond, 3 * kSecond - 1).step, Step::none);
  EXPECT_EQ(next_slow_step(fresh, 3 * kSecond, 3 * kSecond - 1).look_again, 3 * kSecond);
  EXPECT_EQ(next_slow_step(fresh, 3 * kSecond, 3 * kSecond).step, Step::tell_slow);
  const Watched told{.since = kSecond, .told_slow = true};
  EXPECT_EQ(next_slow_step(told, 3 * kSecond, 9 * kSecond).step, Step::none);
  EXPECT_EQ(next_slow_step(fresh, 0, 9 * kSecond).step, Step::none);
  EXPECT_EQ(next_slow_step({}, 3 * kSecond, 9 * kSecond).step, Step::none);
}

TEST(NextStep, DoesNothingWithoutATimeoutOrARequest) {
  EXPECT_EQ(next_step({.since = 1}, {}, 99 * kSecond).step, Step::none);
  EXPECT_EQ(next_step({}, kTimes, 99 * kSecond).step, Step::none);
}

// --- why a process is replaced
// -----------------------------------------------------------------------

Vitals vitals() {
  return {.ready_at = kSecond, .activity = 5 * kSecond, .gil_touched = 5 * kSecond, .served = 3};
}

TEST(Verdict, IsNoneWithinAllLimits) {
  Limits limits;
  limits.deadlock_timeout = milliseconds(60000);
  limits.restart_interval = milliseconds(60000);
  limits.inactivity_timeout = milliseconds(60000);
  limits.memory_recycle = 100;
  EXPECT_EQ(verdict(limits, vitals(), 10 * kSecond), Reason::none);
}

TEST(Verdict, NamesTheLimitThatIsOver) {
  Limits limits;
  limits.deadlock_timeout = milliseconds(0);
  limits.restart_interval = milliseconds(2000);
  EXPECT_EQ(verdict(limits, vitals(), 3 * kSecond + 1), Reason::restart_interval);
  limits.restart_interval = milliseconds(0);
  limits.inactivity_timeout = milliseconds(2000);
  EXPECT_EQ(verdict(limits, vitals(), 7 * kSecond), Reason::none);
  EXPECT_EQ(verdict(limits, vitals(), 7 * kSecond + 1), Reason::inactivity_timeout);
  limits = {};
  limits.deadlock_timeout = milliseconds(2000);
  EXPECT_EQ(verdict(limits, vitals(), 7 * kSecond + 1), Reason::deadlock_timeout);
  limits = {};
  limits.memory_recycle = 100;
  Vitals fat = vitals();
  fat.resident = 101;
  EXPECT_EQ(verdict(limits, fat, 6 * kSecond), Reason::memory_recycle);
}

TEST(Verdict, IdlenessCountsOnlyForAProcessThatServedAndHasNoRequest) {
  Limits limits;
  limits.inactivity_timeout = milliseconds(1000);
  Vitals busy = vitals();
  busy.in_flight = 1;
  EXPECT_EQ(verdict(limits, busy, 99 * kSecond), Reason::none);
  Vitals unused = vitals();
  unused.served = 0;
  EXPECT_EQ(verdict(limits, unused, 99 * kSecond), Reason::none);
}

TEST(Verdict, AGilThatWasNeverAskedForIsNotStuck) {
  Vitals young = vitals();
  young.gil_touched = 0;
  EXPECT_EQ(verdict(Limits{}, young, 9999 * kSecond), Reason::none);
}

TEST(BackOff, FirstFailuresAreFreeThenItDoublesUpToAMost) {
  EXPECT_EQ(back_off(3, 3), 0);
  EXPECT_EQ(back_off(4, 3), kSecond / 2);
  EXPECT_EQ(back_off(5, 3), kSecond);
  EXPECT_EQ(back_off(1000, 3), 30 * kSecond);
}

// --- what is said of a process that ended
// ------------------------------------------------------------

TEST(ExitReport, JoinsWhatThereIsToKnow) {
  ExitReport exit_report;
  exit_report.pid = 4711;
  exit_report.group = "shop";
  exit_report.status = SIGSEGV;  // as waitpid() has it: killed by that signal
  exit_report.served = 12;
  exit_report.requests = {{"GET /a", "q7", 1500 * kMillisecond}, {"GET /b", "", 0}};
  exit_report.peak_kib = 20 * 1024;
  exit_report.stack = "Fatal Python error: Segmentation fault";
  EXPECT_FALSE(is_orderly(exit_report));
  EXPECT_EQ(describe(exit_report),
            "process 4711 of daemon group 'shop' ended: killed by SIGSEGV; nobody had told it to; "
            "12 requests served; in progress: 'GET /a' (id q7) for 1.5 s, 'GET /b' for 0.0 s; peak "
            "memory 20 MiB\nFatal Python error: Segmentation fault");
}

TEST(ExitReport, IsOrderlyWhereItLeftAsToldWithNothingInProgress) {
  ExitReport exit_report;
  exit_report.reason = Reason::maximum_requests;
  EXPECT_TRUE(is_orderly(exit_report));
  EXPECT_NE(describe(exit_report)
                .find("exit code 0; reason: maximum-requests; 0 requests served; in "
                      "progress: none"),
            std::string::npos);
  exit_report.timed_out = true;
  EXPECT_FALSE(is_orderly(exit_report));
  EXPECT_NE(describe(exit_report).find("did not leave in time and was killed"), std::string::npos);
  exit_report.timed_out = false;
  exit_report.status = 3 << 8;
  EXPECT_FALSE(is_orderly(exit_report));
}

// --- whom a supervisor may send a signal
// ---------------------------------------------------

TEST(RunsAs, KnowsThisProcessAndNoOtherUser) {
  EXPECT_TRUE(runs_as(::getpid(), ::getuid()));
  EXPECT_FALSE(runs_as(::getpid(), ::getuid() + 1));
  EXPECT_FALSE(runs_as(0, ::getuid()));
}

// --- what supervisor and process say to each other
// ---------------------------------------------------

Script script_at(std::string path, std::string group = "") {
  Script script;
  script.path = std::move(path);
  script.application_group = std::move(group);
  return script;
}

TEST(Control, AScriptSurvivesTheJourney) {
  Script script;
  script.path = "/srv/a b.wsgi";
  script.callable = "app";
  script.application_group = "localhost|/x";
  script.settings.registered = true;
  script.group_named_by = wsgi::NamedBy::host;
  const auto back = unpack_script(pack(script));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, script.path);
  EXPECT_EQ(back->callable, script.callable);
  EXPECT_EQ(back->application_group, script.application_group);
  EXPECT_EQ(back->settings, script.settings);
  EXPECT_EQ(back->group_named_by, script.group_named_by);
}

TEST(ScriptRegistry, HasAPlaceForEachScriptThatClientsNameGroupsFor) {
  ScriptRegistry scripts({});
  const auto add = [&](const Script& script) {
    scripts.note_asked(script);
    return scripts.add(script);
  };
  Script script;
  script.path = "/a.wsgi";
  script.group_named_by = wsgi::NamedBy::host;
  script.application_group = "a.example";
  EXPECT_TRUE(add(script));
  script.application_group = "b.example";
  EXPECT_FALSE(add(script)) << "new code is tried in one of them";
  script.group_named_by = wsgi::NamedBy::configuration;
  EXPECT_TRUE(add(script));
}

TEST(Control, MalformedTextsAreRefused) {
  const std::string script = pack(script_at("/a.wsgi", "g"));
  const std::string versions = pack(ScriptVersions{{"/a.wsgi", 17}});
  const std::string failure = pack(ScriptFailure{"/a.wsgi", 17, {"why"}});
  for (std::size_t size = 0; size < script.size(); ++size) {
    EXPECT_FALSE(unpack_script(script.substr(0, size))) << size;
  }
  for (std::size_t size = 0; size < versions.size(); ++size) {
    EXPECT_FALSE(unpack_versions(versions.substr(0, size))) << size;
  }
  for (std::size_t size = 0; size < failure.size(); ++size) {
    EXPECT_FALSE(unpack_failure(failure.substr(0, size))) << size;
  }
  EXPECT_FALSE(unpack_script(script + '\0'));
  EXPECT_FALSE(unpack_versions(versions + '\0'));
  EXPECT_FALSE(unpack_failure(failure + '\0'));
}

// The flags and enumerators of a script are its last bytes but one text's.
TEST(Control, ValuesThatNoEnumeratorHasAreRefused) {
  const std::string good = pack(script_at("/a.wsgi"));
  // Flags and enumerators are the last bytes, but for four of a number, which may be any.
  const std::size_t number = good.size() - 7;
  unsigned refused = 0;
  for (std::size_t at = good.size() - 10; at < good.size(); ++at) {
    if (at >= number && at < number + 4) continue;
    for (const int value : {9, 0x80, 0xff}) {
      std::string bad = good;
      bad[at] = static_cast<char>(value);
      refused += unpack_script(bad) ? 0 : 1;
    }
  }
  EXPECT_EQ(refused, 18U);
}

TEST(Control, ScriptVersionsSurviveTheJourney) {
  const ScriptVersions scripts = {{"/a.wsgi", 17}, {"/b.wsgi", 0}};
  EXPECT_EQ(unpack_versions(pack(scripts)), scripts);
  EXPECT_EQ(unpack_versions(pack(ScriptVersions())), ScriptVersions());
}

TEST(Control, AFailureTravelsWithWhatFits) {
  const ScriptFailure failure{"/a.wsgi", 5, {"short", std::string(1 << 20, 'x'), "behind"}};
  const auto back = unpack_failure(pack(failure));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->path, failure.path);
  EXPECT_EQ(back->version, failure.version);
  ASSERT_EQ(back->records.size(), 2U);
  EXPECT_EQ(back->records[0], "short");
  EXPECT_LE(back->records[1].size(), 32768U);
}

TEST(Control, EveryReasonHasAName) {
  for (int i = 0; i < static_cast<int>(Reason::count_); ++i) {
    EXPECT_FALSE(reason_name(static_cast<Reason>(i)).empty()) << i;
  }
}

TEST(BrokenScripts, KnowFromWhichCodeOnAScriptIsLacking) {
  const auto broken = std::make_unique<BrokenScripts>();
  EXPECT_EQ(broken->lacking_from("/a.wsgi"), 0U);
  EXPECT_TRUE(broken->set_lacking_from("/a.wsgi", 0)) << "there is nothing to note";
  EXPECT_TRUE(broken->set_lacking_from("/a.wsgi", 7));
  EXPECT_TRUE(broken->set_lacking_from("/a.wsgi", 8));
  EXPECT_EQ(broken->lacking_from("/a.wsgi"), 8U);
  EXPECT_EQ(broken->lacking_from("/b.wsgi"), 0U);
  EXPECT_TRUE(broken->set_lacking_from("/a.wsgi", 0));
  EXPECT_EQ(broken->lacking_from("/a.wsgi"), 0U);
}

TEST(BrokenScripts, SayWhenThereIsNoPlaceLeft) {
  const auto broken = std::make_unique<BrokenScripts>();
  for (int i = 0; i < 64; ++i) {
    EXPECT_TRUE(broken->set_lacking_from("/" + std::to_string(i), 2)) << i;
  }
  EXPECT_FALSE(broken->set_lacking_from("/one-more", 2));
}

// --- scripts that processes have learnt
// ---------------------------------------------------------------

TEST(ScriptRegistry, KnowsEachOnce) {
  ScriptRegistry scripts({script_at("/a.wsgi")});
  for (const Script& script :
       {script_at("/a.wsgi"), script_at("/a.wsgi", "other"), script_at("/b.wsgi")}) {
    scripts.note_asked(script);
  }
  EXPECT_FALSE(scripts.add(script_at("/a.wsgi")));
  EXPECT_TRUE(scripts.add(script_at("/a.wsgi", "other")));
  EXPECT_TRUE(scripts.add(script_at("/b.wsgi")));
  EXPECT_EQ(scripts.all().size(), 3U);
}

TEST(ScriptRegistry, TakesWhatHttpdAsksForAndNotWhatAProcessMakesUp) {
  ScriptRegistry scripts({});
  EXPECT_FALSE(scripts.add(script_at("/etc/shadow")));
  Script asked = script_at("/a.wsgi");
  asked.settings.registered = true;
  scripts.note_asked(asked);
  EXPECT_FALSE(scripts.add(script_at("/a.wsgi", "another group")));
  EXPECT_TRUE(scripts.add(script_at("/a.wsgi")));
  EXPECT_TRUE(scripts.all()[0].settings.registered) << "its settings are those that httpd knows";
  scripts.note_asked(script_at("/srv/../../etc/app.wsgi"));
  EXPECT_FALSE(scripts.add(script_at("/srv/../../etc/app.wsgi"))) << "it leads out of the chroot";
}

TEST(ScriptRegistry, KeepsSoManyAndNoMore) {
  ScriptRegistry scripts({});
  for (int i = 0; i < 10000; ++i) {
    scripts.note_asked(script_at("/" + std::to_string(i)));
    scripts.add(script_at("/" + std::to_string(i)));
  }
  EXPECT_LE(scripts.all().size(), 1000U);
}

TEST(ScriptRegistry, ForgetsHowAScriptWasThatNobodyAsksForAnyMore) {
  ScriptRegistry scripts({});
  for (int i = 0; i < 10000; ++i) {
    const std::string path = "/" + std::to_string(i);
    scripts.note_asked(script_at(path));
    scripts.note_seen({{path, 2}});
  }
  EXPECT_TRUE(scripts.changed_since({{"/9999", 1}}));
  EXPECT_FALSE(scripts.changed_since({{"/0", 1}})) << "nothing is known of it";
}

TEST(ScriptRegistry, LastGoodCodeIsKeptWhereThatIsWanted) {
  Script failing = script_at("/b.wsgi");
  failing.settings.keep_last_good = false;
  const ScriptRegistry scripts({script_at("/a.wsgi"), failing, script_at("/c.wsgi")});
  const ScriptVersions failed = {{"/a.wsgi", 1}, {"/b.wsgi", 1}};
  EXPECT_EQ(scripts.to_be_kept(failed), (ScriptVersions{{"/a.wsgi", 1}}));
}

// --- scripts that do not load
// ---------------------------------------------------------------

TEST(BrokenScripts, EachVersionIsToldOnce) {
  const auto broken = std::make_unique<BrokenScripts>();
  EXPECT_TRUE(broken->first_to_tell("/a.wsgi", 1));
  EXPECT_FALSE(broken->first_to_tell("/a.wsgi", 1));
  EXPECT_TRUE(broken->first_to_tell("/b.wsgi", 1));
  EXPECT_TRUE(broken->first_to_tell("/a.wsgi", 2));
  EXPECT_TRUE(broken->first_to_tell("/gone.wsgi", 0)) << "a file that is not there";
  EXPECT_FALSE(broken->first_to_tell("/gone.wsgi", 0));
}

TEST(BrokenScripts, WhatHasLoadedMeanwhileIsNewsAgain) {
  const auto broken = std::make_unique<BrokenScripts>();
  broken->first_to_tell("/a.wsgi", 1);
  broken->forget("/b.wsgi");
  EXPECT_FALSE(broken->first_to_tell("/a.wsgi", 1));
  broken->forget("/a.wsgi");
  EXPECT_TRUE(broken->first_to_tell("/a.wsgi", 1));
}

TEST(BrokenScripts, RemembersWhatNobodyHas) {
  const auto broken = std::make_unique<BrokenScripts>();
  EXPECT_FALSE(broken->lacking("/a.wsgi"));
  broken->set_lacking("/a.wsgi", true);
  EXPECT_TRUE(broken->lacking("/a.wsgi"));
  EXPECT_FALSE(broken->lacking("/b.wsgi"));
  EXPECT_TRUE(broken->first_to_tell("/a.wsgi", 1)) << "another matter";
  broken->set_lacking("/a.wsgi", false);
  EXPECT_FALSE(broken->lacking("/a.wsgi"));
}

TEST(BrokenScripts, WithoutAPlaceItIsToldAgainAndAgain) {
  const auto broken = std::make_unique<BrokenScripts>();
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(broken->first_to_tell("/" + std::to_string(i), 1));
    broken->set_lacking("/" + std::to_string(i), false);
  }
  EXPECT_TRUE(broken->first_to_tell("/999", 1));
  EXPECT_FALSE(broken->first_to_tell("/0", 1));
}

}  // namespace
}  // namespace brine::daemon

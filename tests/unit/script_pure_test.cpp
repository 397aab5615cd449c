// Decisions about scripts, without Python.
#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

#include "script/verdict.hpp"

namespace brine::script {
namespace {

constexpr Stamp kOld{1, 2, 100, 1'000'000'000, 1'000'000'000, 8, 9};
constexpr Stamp kNew{1, 2, 100, 2'000'000'000, 2'000'000'000, 8, 9};
constexpr std::int64_t kNow = 100'000'000'000;

TEST(Decide, LoadsWhatIsNotLoaded) {
  EXPECT_EQ(decide({}, kOld, {}, Reloading::in_place, kNow), Verdict::load);
  EXPECT_EQ(decide({}, kOld, {}, Reloading::off, kNow), Verdict::load);
}

TEST(Decide, UsesWhatHasNotChanged) {
  EXPECT_EQ(decide(Loaded{kOld}, kOld, {}, Reloading::in_place, kNow), Verdict::use);
}

TEST(Decide, ReloadsOnAnyDifferenceOfTheStamp) {
  EXPECT_EQ(decide(Loaded{kOld}, kNew, {}, Reloading::in_place, kNow), Verdict::load);
  EXPECT_EQ(decide(Loaded{kNew}, kOld, {}, Reloading::in_place, kNow), Verdict::load)
      << "an older file, too";
  Stamp other = kOld;
  other.inode = 3;
  EXPECT_EQ(decide(Loaded{kOld}, other, {}, Reloading::in_place, kNow), Verdict::load);
  other = kOld;
  other.size = 99;
  EXPECT_EQ(decide(Loaded{kOld}, other, {}, Reloading::in_place, kNow), Verdict::load);
  other = kOld;
  other.mtime += 1;
  EXPECT_EQ(decide(Loaded{kOld}, other, {}, Reloading::in_place, kNow), Verdict::load)
      << "a nanosecond";
  other = kOld;
  other.folder_inode = 10;
  other.ctime += 1;
  EXPECT_EQ(decide(Loaded{kOld}, other, {}, Reloading::in_place, kNow), Verdict::load)
      << "the same file, by a link in another folder";
  EXPECT_EQ(decide(Loaded{kOld}, std::nullopt, {}, Reloading::in_place, kNow), Verdict::load)
      << "it has gone";
}

TEST(Decide, ComparesWhatDiffersInCtimeAlone) {
  Stamp other = kOld;
  other.ctime += 1;
  for (const Reloading reloading : {Reloading::in_place, Reloading::fresh_process}) {
    EXPECT_EQ(decide(Loaded{kOld}, other, {}, reloading, kNow), Verdict::compare);
  }
  EXPECT_EQ(decide(Loaded{kOld}, other, {}, Reloading::off, kNow), Verdict::use);
}

TEST(Shows, TellsAFileWithOneNameByAllOfItsTimes) {
  const Stamp stamp{1, 2, 100, 1'000'000'999, 2'000'000'999, 8, 9};
  const base::FileSeen same{1, 2, 100, 1'000'000, 2'000'000, 1};
  EXPECT_TRUE(base::shows(same, stamp));
  const auto differs = [&](auto change) {
    base::FileSeen other = same;
    change(other);
    return !base::shows(other, stamp);
  };
  EXPECT_TRUE(differs([](base::FileSeen& seen) { seen.device = 2; }));
  EXPECT_TRUE(differs([](base::FileSeen& seen) { seen.inode = 3; }));
  EXPECT_TRUE(differs([](base::FileSeen& seen) { seen.size = 99; }));
  EXPECT_TRUE(differs([](base::FileSeen& seen) { ++seen.mtime_us; }));
  EXPECT_TRUE(differs([](base::FileSeen& seen) { ++seen.ctime_us; }));
  EXPECT_TRUE(differs([](base::FileSeen& seen) { seen.links = 2; })) << "by which of its names?";
  EXPECT_TRUE(differs([](base::FileSeen& seen) { seen.links = 0; })) << "nobody has looked";
}

TEST(Decide, OnlyNoticesAChangeThatIsLoadedElsewhere) {
  for (const Reloading reloading : {Reloading::fresh_process, Reloading::rolling}) {
    const auto elsewhere = [&](const std::optional<Loaded>& loaded,
                               const std::optional<Stamp>& seen) {
      return decide(loaded, seen, {}, reloading, kNow);
    };
    EXPECT_EQ(elsewhere(Loaded{kOld}, kOld), Verdict::use);
    EXPECT_EQ(elsewhere(Loaded{kOld}, kNew), Verdict::changed);
    EXPECT_EQ(elsewhere(Loaded{kOld}, std::nullopt), Verdict::changed) << "it has gone";
    EXPECT_EQ(elsewhere({}, kOld), Verdict::load) << "the first load is nobody else's";
    EXPECT_EQ(elsewhere(Loaded{kOld, false}, kOld), Verdict::compare);
  }
}

TEST(Decide, LeavesItAloneWithReloadingOff) {
  EXPECT_EQ(decide(Loaded{kOld}, kNew, {}, Reloading::off, kNow), Verdict::use);
}

TEST(Decide, DoesNotRetryABrokenVersionAtOnce) {
  const FailedAttempt failed{kNew, kNow};
  EXPECT_EQ(decide(Loaded{kOld}, kNew, failed, Reloading::in_place, kNow + 1), Verdict::use);
  EXPECT_EQ(decide(Loaded{kOld}, kNew, failed, Reloading::in_place, kNow + kRetryTime),
            Verdict::load);
  Stamp mended = kNew;
  mended.mtime += 1;
  EXPECT_EQ(decide(Loaded{kOld}, mended, failed, Reloading::in_place, kNow + 1), Verdict::load);
}

TEST(Decide, ComparesAFileThatWasReadWithinTheClocksGranularity) {
  const Loaded fresh{kOld, false};
  EXPECT_EQ(decide(fresh, kOld, {}, Reloading::in_place, kOld.ctime + kSettleTime), Verdict::use);
  EXPECT_EQ(decide(fresh, kOld, {}, Reloading::in_place, kOld.ctime + kSettleTime + 1),
            Verdict::compare);
}

}  // namespace
}  // namespace brine::script

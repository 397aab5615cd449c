// What the guard counts, and who hears of it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "boundary/policy.hpp"
#include "pickle/scope.hpp"
#include "pickle/tally.hpp"

namespace brine::pickle {
namespace {

using Counts = std::map<std::string, std::uint64_t>;

struct Ear final : Listener {
  void found(std::string_view, std::string_view text) noexcept override {
    heard.emplace_back(text);
  }
  std::vector<std::string> heard;
};

TEST(PickleTally, CountsEachHazardAndSaysWhetherItIsNew) {
  Tally tally;
  EXPECT_EQ(tally.counts(), Counts());
  EXPECT_TRUE(tally.count("naming-local", "naming-local m f"));
  EXPECT_FALSE(tally.count("naming-local", "naming-local m f"));
  EXPECT_TRUE(tally.count("naming-local", "naming-local m g"));
  EXPECT_TRUE(tally.count("naming-main", "naming-main __main__ f"));
  EXPECT_EQ(tally.counts(), (Counts{{"naming-local", 3}, {"naming-main", 1}}));
}

TEST(PickleTally, FindsNothingNewAmongTooManyKeys) {
  Tally tally;
  for (std::size_t i = 0; i < Tally::kMostKeys; ++i) {
    ASSERT_TRUE(tally.count("a", std::to_string(i)));
  }
  EXPECT_FALSE(tally.count("a", "one more"));
  EXPECT_FALSE(tally.count("b", "of another id"));
  EXPECT_FALSE(tally.count("a", "0"));
  EXPECT_EQ(tally.counts(), (Counts{{"a", Tally::kMostKeys + 2}, {"b", 1}})) << "but counts all";
}

TEST(PickleTally, IsNewToOneThreadOnly) {
  Tally tally;
  std::atomic<int> news = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int key = 0; key < 500; ++key) news += tally.count("id", std::to_string(key)) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(news, 500);
  EXPECT_EQ(tally.counts(), (Counts{{"id", 2000}}));
}

TEST(PickleTally, IsOneForTheProcess) { EXPECT_EQ(&process_tally(), &process_tally()); }

TEST(PickleScope, IsTheInnermostRequestOfTheThread) {
  Ear outer_ear, inner_ear;
  EXPECT_EQ(current_scope(), nullptr);
  {
    const PolicyScope outer(Policy::enforce, &outer_ear);
    ASSERT_NE(current_scope(), nullptr);
    EXPECT_EQ(current_scope()->policy, Policy::enforce);
    EXPECT_EQ(current_listener(), &outer_ear);
    {
      const PolicyScope inner(Policy::off, &inner_ear);
      EXPECT_EQ(current_scope()->policy, Policy::off);
      EXPECT_EQ(current_listener(), &inner_ear);
    }
    EXPECT_EQ(current_scope()->policy, Policy::enforce);
    EXPECT_EQ(current_listener(), &outer_ear);
    std::thread([] { EXPECT_EQ(current_scope(), nullptr); }).join();
  }
  EXPECT_EQ(current_scope(), nullptr);
}

// The process's listener stays set: nothing after this may count on there being none.
TEST(PickleScope, FallsBackToTheProcesssListener) {
  static Ear process_ear;
  EXPECT_EQ(current_listener(), nullptr);
  set_process_listener(process_ear);
  EXPECT_EQ(current_listener(), &process_ear);
  std::thread([] { EXPECT_EQ(current_listener(), &process_ear); }).join();
  Ear ear;
  const PolicyScope scope(Policy::report, &ear);
  EXPECT_EQ(current_listener(), &ear);
}

TEST(PicklePolicy, HasANameForEach) {
  for (const Policy policy : {Policy::off, Policy::report, Policy::enforce, Policy::builtin_only}) {
    EXPECT_EQ(policy_of(policy_name(policy)), policy);
  }
  EXPECT_EQ(policy_name(Policy::builtin_only), "BuiltinOnly");
  for (const char* name : {"", "off", "REPORT", "Report ", "On"}) {
    EXPECT_EQ(policy_of(name), std::nullopt);
  }
}

TEST(PicklePolicy, RefusesHazardsIfItIsStrict) {
  EXPECT_FALSE(refuses(Policy::off));
  EXPECT_FALSE(refuses(Policy::report));
  EXPECT_TRUE(refuses(Policy::enforce));
  EXPECT_TRUE(refuses(Policy::builtin_only));
}

}  // namespace
std::shared_ptr<const Finding> finding(const char* key) {
  auto made = std::make_shared<Finding>();
  made->id = "refuses-pickle";
  made->key = key;
  made->text = std::string("text of ") + key;
  return made;
}

TEST(HeldFindings, AreToldAtTheEndUnlessTheObjectWasPickledInAnotherWay) {
  Ear ear;
  const int object = 0, other = 0, type = 0, pickler = 0;
  {
    HeldFindings held(&ear);
    held.hold({&object, &type, nullptr}, finding("held dropped"));
    held.hold({&other, &type, nullptr}, finding("held told"));
    held.pickled({&object, &type, nullptr});  // by the same kind of pickler: another object there
    held.pickled({&object, &type, &pickler});
    EXPECT_TRUE(ear.heard.empty());
  }
  ASSERT_EQ(ear.heard.size(), 1U);
  EXPECT_NE(ear.heard[0].find("text of held told"), std::string::npos);
}

}  // namespace brine::pickle

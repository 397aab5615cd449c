// Who of a line may wait for the GIL, and the line that has them wait.
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <deque>
#include <optional>
#include <thread>
#include <utility>

#include "asleep.hpp"
#include "base/clock.hpp"
#include "engine/gil_line.hpp"

namespace brine::engine {
namespace {

using base::kMicrosecond;
using base::kMillisecond;
using base::Nanos;

constexpr Nanos kTurn = 2 * kMillisecond;
constexpr Nanos kPage = kMillisecond;  // a hold that speaks for the line

TEST(GilLine, IsNarrowForHoldsThatAreNeitherShortNorAWholeTurn) {
  struct Case {
    unsigned at_gil;
    Nanos hold;
    unsigned next;
  };
  for (const auto& [at_gil, hold, next] :
       {Case{64, 0, 64}, Case{10, 0, 11}, Case{10, 20 * kMicrosecond, 11},
        Case{10, kShortHold - 1, 11}, Case{10, kShortHold, 9}, Case{10, kPage, 9},
        Case{3, kPage, 2}, Case{2, kPage, 2}, Case{10, kTurn - 1, 9}, Case{10, kTurn, 10},
        Case{2, 500 * kMillisecond, 2}}) {
    EXPECT_EQ(next_at_gil(at_gil, hold, kTurn), next) << at_gil << " at the GIL, hold " << hold;
  }
  EXPECT_EQ(next_at_gil(10, kPage, kPage / 2), 10U) << "a turn may be shorter";
}

// Threads that come to the line one after another. The test is all of them, and the GIL.
class Threads {
 public:
  explicit Threads(unsigned most_at_gil = kFewestAtGil) : order_(most_at_gil) {}

  /// So many threads come to the line, one after another.
  void come(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      Waiter& thread = threads_.emplace_back();
      thread.has_place = order_.take_place();
      if (!thread.has_place) order_.stand(thread);
    }
  }

  /// The first of them has got the GIL, and needs its place no more.
  void get_gil(Nanos now, Nanos turn = kTurn, Nanos since = 0) {
    ASSERT_TRUE(threads_.front().has_place);
    threads_.pop_front();
    order_.got(since, now, turn);
  }

  /// The first of them goes without the GIL.
  void leave() {
    ASSERT_TRUE(threads_.front().has_place);
    threads_.pop_front();
    order_.leave();
  }

  /// Returns how many have a place, as long as these came first.
  std::optional<std::size_t> places() const {
    std::size_t first = 0;
    while (first < threads_.size() && threads_[first].has_place) ++first;
    for (std::size_t i = first; i < threads_.size(); ++i) {
      if (threads_[i].has_place) return std::nullopt;
    }
    return first;
  }

 private:
  GilOrder order_;
  std::deque<Waiter> threads_;  // that have not had the GIL
};

TEST(GilOrder, LetsThreadsToTheGilInTheOrderInWhichTheyCame) {
  Threads threads;
  threads.come(8);
  EXPECT_EQ(threads.places(), kFewestAtGil);
  for (int i = 1; i <= 6; ++i) {
    threads.get_gil(i * kPage);
    EXPECT_EQ(threads.places(), kFewestAtGil);
  }
  threads.get_gil(7 * kPage);
  EXPECT_EQ(threads.places(), 1U);
}

TEST(GilOrder, LetsAllHaveTheirTurnsBeforeOneThatComputesComesBack) {
  Threads threads;
  threads.come(8);
  threads.get_gil(kTurn);
  EXPECT_EQ(threads.places(), 7U);
  // Who comes while these have their turns, of a page each, stands in the line behind them.
  threads.come(1);
  for (int i = 1; i < 6; ++i) {
    EXPECT_EQ(threads.places(), 8U - static_cast<unsigned>(i));
    threads.get_gil(kTurn + i * kPage);
  }
  EXPECT_EQ(threads.places(), 2U);
  threads.get_gil(kTurn + 6 * kPage);
  EXPECT_EQ(threads.places(), 2U);
}

TEST(GilOrder, GoesByTheSwitchIntervalThatThereIs) {
  for (const auto& [turn, places] : {std::pair(kPage, 7U), std::pair(2 * kPage, kFewestAtGil)}) {
    Threads threads;
    threads.come(8);
    threads.get_gil(kPage, turn);
    EXPECT_EQ(threads.places(), places);
  }
}

TEST(GilOrder, ComesBackWhenPagesAreServed) {
  Threads threads(kAnyAtGil);
  threads.come(2 * kAnyAtGil);
  EXPECT_EQ(threads.places(), 2 * kAnyAtGil) << "at first there is no line";
  Nanos now = 0;
  for (unsigned i = 0; i < 2 * kAnyAtGil; ++i) {
    threads.get_gil(now += kPage);
  }
  threads.come(kFewestAtGil + 1);
  EXPECT_EQ(threads.places(), kFewestAtGil);
}

TEST(GilOrder, CountsNoHoldBeforeTheThreadCame) {
  Threads threads(10);
  threads.come(2);
  threads.get_gil(0);  // 11
  // Nobody wanted the GIL for a millisecond, and this thread got it at once: 12.
  threads.get_gil(kPage, kTurn, kPage);
  threads.come(13);
  EXPECT_EQ(threads.places(), 12U);
}

TEST(GilOrder, KeepsNoPlaceOfAThreadThatDidNotGetTheGil) {
  Threads threads;
  threads.come(3);
  EXPECT_EQ(threads.places(), 2U);
  threads.leave();
  EXPECT_EQ(threads.places(), 2U);
  threads.leave();
  EXPECT_EQ(threads.places(), 1U);
}

// A thread that comes to a line whose places are taken, and notes whether one had been given up.
class Third {
 public:
  explicit Third(GilLine& line)
      : thread_([this, &line] {
          id_ = ::gettid();
          const GilLine::Place place(line, 0);
          was_called_ = may_be_called_.load();
        }) {}

  /// Returns true if it waited until `give_up()` had given a place up.
  template <class GiveUp>
  bool waits_for(GiveUp give_up) {
    testing::await([&] { return testing::is_asleep(id_); });
    may_be_called_ = true;
    give_up();
    thread_.join();
    return was_called_;
  }

 private:
  std::atomic<pid_t> id_{0};
  std::atomic<bool> may_be_called_{false};
  bool was_called_ = false;
  std::thread thread_;  // last: it uses the others
};

TEST(GilLine, HasThreadsWaitUntilAnotherHasTheGil) {
  GilLine line(kFewestAtGil);
  GilLine::Place first(line, 0);
  const GilLine::Place second(line, 0);
  EXPECT_TRUE(Third(line).waits_for([&] { first.has_gil(kPage, kTurn); }));
}

TEST(GilLine, HasThreadsWaitUntilAnotherGivesUp) {
  GilLine line(kFewestAtGil);
  std::optional<GilLine::Place> first(std::in_place, line, 0);
  const GilLine::Place second(line, 0);
  EXPECT_TRUE(Third(line).waits_for([&] { first.reset(); }));
}

}  // namespace
}  // namespace brine::engine

// The order in which threads get the GIL.
#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

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

// Returns when the condition holds, which other threads see to.
template <class Condition>
void await(Condition condition) {
  const Nanos deadline = base::now() + 60 * base::kSecond;
  while (!condition()) {
    if (base::now() > deadline) throw std::runtime_error("a thread was not called");
    std::this_thread::yield();
  }
}

// Threads that come to the line one after another, and note in which order they get the GIL. The
// time is the test's own, and the GIL the test itself.
class Threads {
 public:
  explicit Threads(GilLine& line) : line_(line) {}
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() {
    for (std::thread& thread : threads_) thread.join();
  }

  /// Starts a thread, and returns when it stands in the line or has a place at the GIL.
  void come(Nanos now) {
    const std::size_t index = threads_.size();
    const std::size_t came = line_.waiting() + places();
    threads_.emplace_back([this, index, now] {
      auto place = std::make_unique<GilLine::Place>(line_, now);
      const std::lock_guard lock(mutex_);
      order_.push_back(index);
      places_.push_back(std::move(place));
    });
    await([&] { return line_.waiting() + places() != came; });
  }

  /// The first of those that have a place gets the GIL. Returns when `called` more have a place.
  void get_gil(Nanos now, std::size_t called) {
    std::unique_ptr<GilLine::Place> place;
    std::size_t places_then = 0;
    {
      const std::lock_guard lock(mutex_);
      place = std::move(places_.front());
      places_.erase(places_.begin());
      places_then = places_.size();
    }
    place->has_gil(now);
    await([&] { return places() >= places_then + called; });
  }

  std::size_t places() {
    const std::lock_guard lock(mutex_);
    return places_.size();
  }

  std::vector<std::size_t> order() {
    const std::lock_guard lock(mutex_);
    return order_;
  }

 private:
  GilLine& line_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<GilLine::Place>> places_;
  std::vector<std::size_t> order_;
};

TEST(GilLine, LetsThreadsToTheGilInTheOrderInWhichTheyCame) {
  GilLine line(kTurn, kFewestAtGil);
  Threads threads(line);
  for (int i = 0; i < 8; ++i) {
    threads.come(0);
  }
  EXPECT_EQ(threads.places(), kFewestAtGil);
  EXPECT_EQ(line.waiting(), 6U);
  for (int i = 1; i <= 6; ++i) {
    threads.get_gil(i * kPage, 1);
    EXPECT_EQ(threads.places(), kFewestAtGil);
  }
  threads.get_gil(7 * kPage, 0);
  threads.get_gil(8 * kPage, 0);
  EXPECT_EQ(threads.order(), (std::vector<std::size_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(GilLine, LetsAllHaveTheirTurnsBeforeOneThatComputesComesBack) {
  GilLine line(kTurn, kFewestAtGil);
  Threads threads(line);
  for (int i = 0; i < 8; ++i) {
    threads.come(0);
  }
  threads.get_gil(kTurn, 6);
  EXPECT_EQ(line.waiting(), 0U);
  // Who comes while these have their turns, of a page each, stands in the line behind them.
  threads.come(kTurn);
  EXPECT_EQ(line.waiting(), 1U);
  for (int i = 1; i < 6; ++i) {
    threads.get_gil(kTurn + i * kPage, 0);
  }
  EXPECT_EQ(line.waiting(), 1U);
  threads.get_gil(kTurn + 6 * kPage, 1);
  threads.get_gil(kTurn + 7 * kPage, 0);
  threads.get_gil(kTurn + 8 * kPage, 0);
}

TEST(GilLine, ComesBackWhenPagesAreServed) {
  GilLine line(kTurn);
  Nanos now = 0;
  for (unsigned i = kFewestAtGil; i < kAnyAtGil; ++i) {
    GilLine::Place place(line, now);
    now += kPage;
    place.has_gil(now);
  }
  Threads threads(line);
  for (unsigned i = 0; i < kFewestAtGil + 1; ++i) {
    threads.come(now);
  }
  EXPECT_EQ(line.waiting(), 1U);
  threads.get_gil(now += kPage, 1);
  threads.get_gil(now += kPage, 0);
  threads.get_gil(now += kPage, 0);
}

TEST(GilLine, CountsNoHoldBeforeTheThreadCame) {
  GilLine line(kTurn, 10);
  GilLine::Place(line, 0).has_gil(0);  // 11
  // Nobody wanted the GIL for a millisecond, and this thread got it at once: 12.
  GilLine::Place(line, kPage).has_gil(kPage);
  Threads threads(line);
  for (int i = 0; i < 13; ++i) {
    threads.come(kPage);
  }
  EXPECT_EQ(line.waiting(), 1U);
  threads.get_gil(2 * kPage, 0);  // 11: as many as there are
  threads.get_gil(2 * kPage + 1, 1);
  for (int i = 0; i < 11; ++i) {
    threads.get_gil(2 * kPage + 2, 0);
  }
}

TEST(GilLine, KeepsNoPlaceOfAThreadThatDidNotGetTheGil) {
  GilLine line(kTurn, kFewestAtGil);
  Threads threads(line);
  {
    const GilLine::Place first(line, 0);
    const GilLine::Place second(line, 0);
    threads.come(0);
    EXPECT_EQ(line.waiting(), 1U);
  }
  await([&] { return threads.places() != 0; });
  threads.get_gil(kPage, 0);
}

}  // namespace
}  // namespace brine::engine

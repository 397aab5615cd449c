// Requests get the GIL in their turn: they wait for it in the line, which leaves the GIL to others.
#include <Python.h>
#include <gtest/gtest.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "asleep.hpp"
#include "cpython/gil.hpp"
#include "engine_fixture.hpp"
#include "wsgi/observation.hpp"

namespace brine::engine {
namespace {

using testing::await;
using testing::is_asleep;

constexpr std::size_t kRequests = 24;

// So many times that number of pages make the line as narrow as it can be, each by one thread.
constexpr int kRounds = 4;
constexpr int kMeasured = 12;

// Pages that hold the GIL for longer than the switch interval which the configuration names. The
// application has set one that is never over, so that nobody takes the GIL from anyone.
constexpr const char* kPages = R"(
import sys, time

SERVED = sys.brine_served = []
sys.setswitchinterval(1e12)


def application(environ, start_response):
    end = time.perf_counter() + 0.003
    while time.perf_counter() < end:
        pass
    SERVED.append(1)
    start_response("200 OK", [])
    return []
)";

class TurnsTest : public EngineTest {
 protected:
  TurnsTest() {
    if (cpython::kIsFreeThreaded) return;
    write(kPages);
    EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  }
  ~TurnsTest() override {
    write_app("import sys\nsys.setswitchinterval(0.002)\nstart()\nreturn []");
    serve();
  }

  // Has many requests come while somebody holds the GIL, and then a thread that serves none.
  // Returns how many of the requests were served before it had the GIL.
  Py_ssize_t served_before_another_thread() {
    std::vector<std::thread> threads;
    std::array<std::atomic<pid_t>, kRequests> requests{};
    std::atomic<pid_t> other = 0;
    Py_ssize_t served = 0;
    const PyGILState_STATE held = PyGILState_Ensure();
    PyObject* const all = PySys_GetObject("brine_served");
    const Py_ssize_t before = PyList_Size(all);
    for (std::atomic<pid_t>& id : requests) {
      threads.emplace_back([this, &id] {
        FakeRequest its_request;
        FakeResponse its_response;
        id = ::gettid();
        engine().serve(target_, its_request, its_response);
        engine().forget_thread();
      });
    }
    await([&] { return std::all_of(requests.begin(), requests.end(), is_asleep); });
    threads.emplace_back([&] {
      other = ::gettid();
      const PyGILState_STATE its_own = PyGILState_Ensure();
      served = PyList_Size(all) - before;
      PyGILState_Release(its_own);
    });
    await([&] { return is_asleep(other); });
    PyGILState_Release(held);
    for (std::thread& thread : threads) thread.join();
    return served;
  }

  // CPython gives the GIL to any of those that wait for it, so that the sum tells. With a line it
  // is one of three, and without one of all.
  void expect_a_line() {
    for (int i = 0; i < kRounds; ++i) served_before_another_thread();
    Py_ssize_t served = 0;
    for (int i = 0; i < kMeasured; ++i) served += served_before_another_thread();
    EXPECT_LT(served, kMeasured * static_cast<Py_ssize_t>(kRequests) / 3)
        << "nearly all requests wait in the line, and not for the GIL itself";
  }
};

TEST_F(TurnsTest, RequestsWaitInTheLine) {
  if (cpython::kIsFreeThreaded) GTEST_SKIP() << "nobody waits for a GIL";
  if (wsgi::requests_are_observed()) GTEST_SKIP() << "a test before has subscribed to events";
  expect_a_line();
}

TEST_F(TurnsTest, RequestsThatAreObservedDoToo) {
  if (cpython::kIsFreeThreaded) GTEST_SKIP() << "nobody waits for a GIL";
  wsgi::observe_requests();
  expect_a_line();
}

}  // namespace
}  // namespace brine::engine

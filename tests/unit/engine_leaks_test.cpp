// What a request, a load, an error or a finding of the guard leaves behind: nothing. Each scenario
// is repeated; whatever grows with the number of repetitions is a leak. Counted are the references
// that all Refs own (in Debug builds, and exactly), blocks of memory that Python has given out, and
// references to objects that live for ever.
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "cpython/ref.hpp"
#include "engine_fixture.hpp"

namespace brine::engine {
namespace {

// A warm interpreter is measured, then measured again after so many repetitions. One leak in each
// is as many as there are repetitions; Python's own caches grow by less, and not for long.
constexpr int kRepetitions = 512;
constexpr std::int64_t kMostGrowth = kRepetitions * 3 / 4;

// So many generations of a script, which Python's garbage collector takes its time for.
constexpr int kGenerations = 64;

struct Measures {
  std::int64_t owned = 0;    ///< by Refs
  std::int64_t blocks = 0;   ///< that Python's allocator has given out
  std::int64_t eternal = 0;  ///< references to None, True, (), "" and their like
};

class LeakTest : public EngineTest {
 protected:
  LeakTest() : meter_((folder_ / "meter.wsgi").native()) {
    std::ofstream(meter_) << R"(
import gc, sys

def application(environ, start_response):
    for _ in range(3):
        gc.collect()
    eternal = sum(map(sys.getrefcount, (None, True, False, (), "", b"", 0, 1)))
    start_response("200 OK", [])
    return [b"%d %d" % (sys.getallocatedblocks(), eternal)]
)";
  }

  Measures measure() {
    wsgi::Target target = target_;
    target.script = target.resource = meter_;
    FakeRequest asked;
    FakeResponse answer;
    Measures result;
    EXPECT_EQ(engine().serve(target, asked, answer), Outcome::completed) << asked.log_text();
    result.owned = cpython::owned_references();
    std::istringstream(answer.body) >> result.blocks >> result.eternal;
    return result;
  }

  struct Growth {
    Measures before;
    Measures after;
    std::int64_t blocks() const { return after.blocks - before.blocks; }
    std::int64_t eternal() const { return after.eternal - before.eternal; }
  };
  // References that are given up too often are as wrong as those that are never given up.
  static bool has_grown(const Growth& growth) {
    return growth.blocks() >= kMostGrowth || std::abs(growth.eternal()) >= kMostGrowth;
  }
  template <class Scenario>
  Growth repeated(int repetitions, Scenario scenario) {
    Growth growth;
    for (Measures* measures : {&growth.before, &growth.before, &growth.after}) {
      for (int i = 0; i < repetitions; ++i) scenario(i);
      *measures = measure();
    }
    EXPECT_EQ(growth.after.owned, growth.before.owned) << "references owned by Refs";
    return growth;
  }

  // Serves an application of these statements.
  void expect_nothing_left_by(const std::string& statements, Outcome expected) {
    write_app(statements);
    const auto request_once = [&](int) {
      request.chunks = {"some ", "body"};
      ASSERT_EQ(serve(), expected) << request.log_text();
    };
    Growth growth = repeated(kRepetitions, request_once);
    // A cache of Python's may grow by as much at one time, and a leak does at all times.
    for (int more = 0; more < 2 && has_grown(growth); ++more) {
      growth = repeated(kRepetitions, request_once);
    }
    EXPECT_FALSE(has_grown(growth))
        << "blocks of memory: " << growth.blocks()
        << ", references to objects that live for ever: " << growth.eternal();
  }

  const std::string meter_;
};

TEST_F(LeakTest, TheMeasuresSeeALeak) {
  write_app(
      "import sys\nkept = sys.__dict__.setdefault('brine_kept', [])\nkept.append(object())\n"
      "start()\nreturn [b'x']");
  const Measures before = measure();
  for (int i = 0; i < kRepetitions; ++i) serve();
  const Measures after = measure();
  EXPECT_TRUE(after.blocks == 0 || after.blocks - before.blocks >= kMostGrowth)
      << "0: PYTHONMALLOC=malloc, as under a sanitizer";
  write_app("import sys\ndel sys.brine_kept\nstart()\nreturn []");
  serve();
}

TEST_F(LeakTest, TheReferencesOfRefsAreCounted) {
  if (!cpython::kCountsReferences) GTEST_SKIP() << "Debug builds count";
  const std::int64_t before = measure().owned;
  EXPECT_GT(before, 0) << "the loader and the interpreter have some";
  write_app("start()\nreturn []");
  serve();
  EXPECT_GT(measure().owned, before) << "a script more";
}

TEST_F(LeakTest, Requests) {
  const char* const kApplications[] = {
      "start('200 OK', [('X-A', '1'), ('X-B', environ['PATH_INFO'])])\nreturn [b'a', b'b']",
      "start()\nreturn (piece for piece in [b'', b'a', b'b'])",
      "write = start()\nwrite(b'a')\nwrite(b'b')\nreturn [b'c']",
      "body = environ['wsgi.input']\nbody.read(2)\nbody.readline()\nstart()\nreturn [body.read()]",
      "start()\nreturn [b'x' * 200000, b'y']",
      "start()\nreturn environ['wsgi.file_wrapper'](open(__file__, 'rb'))",
      "print('x', file=environ['wsgi.errors'])\nprint('y')\nstart()\nreturn []",
      "kept = dict(environ)\nkept['wsgi.input'], kept['wsgi.errors']\nstart()\nreturn b'x',",
  };
  for (const char* const application : kApplications) {
    SCOPED_TRACE(application);
    expect_nothing_left_by(application, Outcome::completed);
  }
}

TEST_F(LeakTest, Errors) {
  struct Case {
    const char* application;
    Outcome outcome;
  };
  const Case kCases[] = {
      {"raise ValueError(environ)", Outcome::failed_before_headers},
      {"start('nonsense')\nreturn []", Outcome::failed_before_headers},
      {"start('200 OK', [('X', 1)])\nreturn []", Outcome::failed_before_headers},
      {"start()\nreturn None", Outcome::failed_before_headers},
      {"start()\nreturn ['text']", Outcome::failed_before_headers},
      {"start()\ndef body():\n    yield b'x'\n    raise KeyError(environ)\nreturn body()",
       Outcome::failed_after_headers},
      {"import sys\nstart()\ntry:\n    1 / 0\nexcept Exception:\n"
       "    start('500 No', [], sys.exc_info())\nreturn [b'x']",
       Outcome::completed},
      {"class Body(list):\n    def close(self):\n        raise OSError\nstart()\nreturn "
       "Body([b'x'])",
       Outcome::completed},
  };
  for (const Case& c : kCases) {
    SCOPED_TRACE(c.application);
    expect_nothing_left_by(c.application, c.outcome);
  }
}

TEST_F(LeakTest, AClientThatGoesAway) {
  gone_after = 1;
  expect_nothing_left_by("start()\nreturn (b'x' for _ in range(9))", Outcome::client_aborted);
}

TEST_F(LeakTest, LoadsAndReloads) {
  repeated(kGenerations, [&](int i) {
    write(
        "import os\nclass Thing:\n    pass\nTHINGS = [Thing() for _ in range(20)]\n"
        "def application(environ, start_response):\n    start_response('200 OK', [])\n"
        "    return [b'" +
        std::to_string(i) + "']\n");
    ASSERT_EQ(serve(), Outcome::completed) << request.log_text();
    ASSERT_EQ(response.body, std::to_string(i));
  });
}

TEST_F(LeakTest, ScriptsThatDoNotLoad) {
  target_.settings.keep_last_good = false;
  repeated(kGenerations, [&](int i) {
    const std::string number = std::to_string(i);
    write(i % 3 == 0   ? "def broken(: # " + number
          : i % 3 == 1 ? "THINGS = [object() for _ in range(20)]\n1 / 0 # " + number
                       : "application = None # " + number);
    ASSERT_NE(serve(), Outcome::completed);
  });
}

TEST_F(LeakTest, TheGuard) {
  const std::string start = "import io, pickle, sys\nclass Local:\n    pass\n";
  const char* const kBodies[] = {
      "pickle.loads(pickle.dumps({'a': [1, 2.5, 'x']}))",
      "try:\n    pickle.dumps(Local())\nexcept Exception:\n    pass",
      "try:\n    pickle.loads(b'garbage')\nexcept Exception:\n    pass",
      "pickle.Pickler(io.BytesIO(), 4).dump([1, 'x'])",
      "try:\n    pickle.Pickler(io.BytesIO()).dump([Local, lambda: 0])\nexcept Exception: pass",
      "try:\n    pickle.dumps([Local, sys, {1: lambda: 0, 2: Local}])\nexcept Exception: pass",
      "try:\n    pickle.dumps({'a': [sys]})\nexcept Exception: pass",
      "try:\n    pickle.loads(b'cdatetime\\ntimezone\\n(I1\\ntR.')\nexcept TypeError:\n    pass",
      "try:\n    pickle.loads(b'cfractions\\nFraction\\n(I1\\nI0\\ntR.')\nexcept Exception: pass",
      "import brine.pickle\nbrine.pickle.inspect([sys, Local, iter([])])",
  };
  for (const pickle::Policy policy : {pickle::Policy::report, pickle::Policy::enforce}) {
    target_.settings.pickle_policy = policy;
    for (const char* const body : kBodies) {
      SCOPED_TRACE(body);
      expect_nothing_left_by(start + body + "\nstart()\nreturn []", Outcome::completed);
    }
  }
}

}  // namespace
}  // namespace brine::engine

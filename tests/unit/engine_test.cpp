// The engine with a Python in this process and a fake server around it.
#include "engine/engine.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "fake_request.hpp"

extern "C" const brine::engine::EngineExport brine_engine_export;

namespace brine::engine {
namespace {

using testing::FakeRequest;
using testing::FakeResponse;
using wsgi::Outcome;

Engine& engine() {
  static FakeRequest server;
  static Engine* const started = [] {
    std::string error;
    Config config;
    config.interpreter_limit = 3;
    config.multithread = true;
    Engine* made = brine_engine_export.start(config, server, error);
    if (made == nullptr) ADD_FAILURE() << error;
    return made;
  }();
  return *started;
}

// A script file of its own for each test, and requests to it.
class EngineTest : public ::testing::Test {
 protected:
  EngineTest() : folder_(std::filesystem::temp_directory_path() / "brine-unit-XXXXXX") {
    std::string name = folder_.string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    path_ = folder_ / "app.wsgi";
    target_.callable = "application";
    target_.resource = path_.native();
    target_.script = path_.native();
  }
  ~EngineTest() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& source) {
    const auto next = folder_ / "next";
    std::ofstream(next) << source;
    std::filesystem::rename(next, path_);
  }
  // An application whose body is `statements`, with start and environ in reach.
  void write_app(const std::string& statements) {
    std::string source =
        "def application(environ, start_response):\n"
        "    def start(status='200 OK', headers=(), *more):\n"
        "        return start_response(status, list(headers), *more)\n";
    std::size_t at = 0;
    while (at < statements.size()) {
      const auto end = std::min(statements.find('\n', at), statements.size());
      source += "    " + statements.substr(at, end - at) + "\n";
      at = end + 1;
    }
    write(source);
  }
  Outcome serve() {
    request.records.clear();
    response = FakeResponse();
    response.gone_after = gone_after;
    return engine().serve(target_, request, response);
  }
  bool logged(std::string_view text) { return request.log_text().find(text) != std::string::npos; }

  std::filesystem::path folder_, path_;
  wsgi::Target target_;
  FakeRequest request;
  FakeResponse response;
  int gone_after = 1 << 30;
};

TEST_F(EngineTest, ServesAList) {
  write_app("start('200 OK', [('X-A', '1')])\nreturn [b'hello ', b'world']");
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.body, "hello world");
  EXPECT_EQ(response.sends, 1) << "one brigade";
  EXPECT_EQ(response.ends, 1);
  EXPECT_EQ(response.headers.at(0).first, "X-A");
}

TEST_F(EngineTest, ServesALargeBodyWithoutCopyingIt) {
  write_app("start()\nreturn [b'x' * 1000000]");
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body.size(), 1000000U);
  EXPECT_TRUE(response.memory.empty());
}

TEST_F(EngineTest, StreamsAGeneratorBlockByBlock) {
  write_app("start()\nreturn (b for b in [b'a', b'', b'b'])");
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body, "ab");
  EXPECT_EQ(response.sends, 3) << "two blocks and the end";
  EXPECT_EQ(response.ends, 1);
}

TEST_F(EngineTest, EndsWithTheLastByteThatWasAnnounced) {
  write_app("start('200 OK', [('Content-Length', '2')])\nreturn iter([b'a', b'b'])");
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.sends, 2);
  EXPECT_EQ(response.ends, 1);
}

TEST_F(EngineTest, CutsAnOverRunAndSaysSo) {
  for (const char* result : {"[b'abc', b'd']", "iter([b'abc', b'd'])"}) {
    write_app(std::string("start('200 OK', [('Content-Length', '2')])\nreturn ") + result);
    EXPECT_EQ(serve(), Outcome::completed);
    EXPECT_EQ(response.body, "ab");
    EXPECT_TRUE(logged("BRINE0405")) << request.log_text();
    EXPECT_EQ(request.records.size(), 2U) << "loaded, and once";
  }
}

TEST_F(EngineTest, LeavesAnEndlessOverRun) {
  write_app(
      "import itertools\nstart('200 OK', [('Content-Length', '2')])\n"
      "return itertools.repeat(b'ab')");
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body, "ab");
  EXPECT_TRUE(logged("BRINE0405"));
}

TEST_F(EngineTest, AbortsAnUnderRun) {
  for (const char* result : {"[b'abc']", "iter([b'abc'])"}) {
    write_app(std::string("start('200 OK', [('Content-Length', '5')])\nreturn ") + result);
    EXPECT_EQ(serve(), Outcome::failed_after_headers);
    EXPECT_TRUE(response.aborted);
    EXPECT_EQ(response.ends, 0);
    EXPECT_TRUE(logged("BRINE0406"));
  }
}

TEST_F(EngineTest, RefusesWhatPep3333Forbids) {
  const std::pair<const char*, const char*> cases[] = {
      {"return [b'x']", "start_response() was not called"},
      {"return iter([b'x'])", "start_response() was not called"},
      {"return []", "start_response() was not called"},
      {"start()\nreturn ['text']", "must yield bytes, not str"},
      {"start()\nreturn iter([bytearray(b'x')])", "must yield bytes, not bytearray"},
      {"start()\nreturn 'text'", "returned str"},
      {"start()\nreturn b'text'", "returned bytes"},
      {"start()\nreturn None", "returned NoneType, which is not an iterable"},
  };
  for (const auto& [statements, words] : cases) {
    write_app(statements);
    EXPECT_EQ(serve(), Outcome::failed_before_headers) << statements;
    EXPECT_TRUE(logged("BRINE0404") && logged(words)) << statements << ": " << request.log_text();
  }
}

TEST_F(EngineTest, LogsAnExceptionAsOneEventWithItsTraceback) {
  write_app("raise ValueError('boom')");
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0401: ValueError: boom, in the application")) << request.log_text();
  EXPECT_TRUE(logged("app.wsgi\", line 4, in application"));
  EXPECT_TRUE(logged("    raise ValueError('boom')"));
  write_app("raise SystemExit(3)");
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0402: SystemExit: 3"));
}

TEST_F(EngineTest, AbortsAfterHeadersAndStillCloses) {
  write(
      "class Body:\n"
      "    closed = 0\n"
      "    def __iter__(self):\n"
      "        yield b'a'\n"
      "        raise ValueError('later')\n"
      "    def close(self):\n"
      "        Body.closed += 1\n"
      "def application(environ, start_response):\n"
      "    if environ['PATH_INFO'] == '/closed':\n"
      "        start_response('200 OK', [])\n"
      "        return [str(Body.closed).encode()]\n"
      "    start_response('200 OK', [])\n"
      "    return Body()\n");
  EXPECT_EQ(serve(), Outcome::failed_after_headers);
  EXPECT_TRUE(response.aborted);
  EXPECT_TRUE(logged("BRINE0401: ValueError: later"));
  gone_after = 0;
  EXPECT_EQ(serve(), Outcome::client_aborted);
  EXPECT_FALSE(logged("BRINE")) << "nobody's fault: " << request.log_text();
  gone_after = 1 << 30;
  request.set(wsgi::Var::path_info, "/closed");
  serve();
  EXPECT_EQ(response.body, "2");
}

TEST_F(EngineTest, ReplacesHeadersForAnErrorOnly) {
  write_app(
      "start('200 OK')\n"
      "try:\n"
      "    start('500 Second')\n"
      "except RuntimeError as error:\n"
      "    import sys\n"
      "    start('500 Third', [('X-Error', str(error))], sys.exc_info())\n"
      "return [b'']");
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_EQ(response.status_line, "500 Third");
  EXPECT_EQ(response.headers.at(0).second,
            "start_response() called more than once without exc_info");
}

TEST_F(EngineTest, RaisesTheGivenExceptionOnceHeadersAreSent) {
  write_app(
      "write = start()\n"
      "write(b'a')\n"
      "import sys\n"
      "try:\n"
      "    1 / 0\n"
      "except ZeroDivisionError:\n"
      "    start('500 Late', [], sys.exc_info())\n"
      "return []");
  EXPECT_EQ(serve(), Outcome::failed_after_headers);
  EXPECT_TRUE(logged("BRINE0401: ZeroDivisionError"));
  EXPECT_TRUE(response.aborted);
}

TEST_F(EngineTest, ReadsTheBodyInEveryWay) {
  const std::pair<const char*, const char*> cases[] = {
      {"data = input.read()", "one\ntwo\nthree"},
      {"data = input.read(5) + b'|' + input.read(100) + b'|' + input.read()", "one\nt|wo\nthree|"},
      {"data = b'|'.join(input)", "one\n|two\n|three"},
      {"data = b'|'.join(input.readlines())", "one\n|two\n|three"},
      {"data = b'|'.join(input.readlines(5))", "one\n|two\n"},
      {"data = input.readline(2) + b'|' + input.readline() + input.readline(-1)", "on|e\ntwo\n"},
      {"data = input.readline() + input.read(1) + b'|' + input.readline()", "one\nt|wo\n"},
      {"b = bytearray(6)\nn = input.readinto(b)\ndata = bytes(b[:n])", "one\ntw"},
      {"data = input.read(0) + input.read(None)", "one\ntwo\nthree"},
  };
  for (const auto& [statements, expected] : cases) {
    for (const bool ready : {true, false}) {
      for (const std::int64_t length : {std::int64_t{13}, std::int64_t{-1}}) {
        write_app(std::string("input = environ['wsgi.input']\n") + statements +
                  "\nstart()\nreturn [data]");
        request.head_.body_start = ready ? "one\ntwo\nthree" : "on";
        request.head_.body_complete = ready;
        request.head_.content_length = length;
        request.chunks.clear();
        if (!ready) request.chunks = {"e\nt", "wo\nthr", "ee"};
        EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
        EXPECT_EQ(response.body, expected) << statements << " ready=" << ready << " " << length;
      }
    }
  }
}

TEST_F(EngineTest, ReadsMoreThanWasAnnouncedWhereAFilterUnpacksTheBody) {
  write_app("start()\nreturn [environ['wsgi.input'].read()]");
  request.head_.content_length = 3;
  request.head_.body_start = "abc";
  request.chunks = {"def", std::string(100000, 'x')};
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body, "abcdef" + std::string(100000, 'x'));
}

TEST_F(EngineTest, RaisesForABrokenBody) {
  write_app("start()\nenviron['wsgi.input'].read()\nreturn []");
  request.head_.content_length = 10;
  request.chunks = {"abc"};
  request.ending = wsgi::ReadStatus::timed_out;
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("TimeoutError")) << request.log_text();
  request.chunks = {"abc"};
  request.ending = wsgi::ReadStatus::client_gone;
  EXPECT_EQ(serve(), Outcome::client_aborted);
  EXPECT_FALSE(logged("BRINE")) << request.log_text();
}

TEST_F(EngineTest, SendsAPlainFileByItsDescriptor) {
  std::ofstream(folder_ / "data") << "0123456789";
  const std::string path = (folder_ / "data").string();
  write_app("f = open('" + path +
            "', 'rb')\nf.read(4)\nstart()\n"
            "return environ['wsgi.file_wrapper'](f)");
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_EQ(response.file_offset, 4);
  EXPECT_EQ(response.file_length, 6);
  write_app("import io\nstart()\nreturn environ['wsgi.file_wrapper'](io.BytesIO(b'abc'), 2)");
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.file_length, -1);
  EXPECT_EQ(response.body, "abc");
}

TEST_F(EngineTest, NeverSendsTheBytesUnderAGzipFile) {
  const std::string path = (folder_ / "data.gz").string();
  write_app("import gzip\nwith gzip.open('" + path +
            "', 'wb') as f: f.write(b'plain')\n"
            "start()\nreturn environ['wsgi.file_wrapper'](gzip.open('" +
            path + "'))");
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_EQ(response.body, "plain");
}

TEST_F(EngineTest, MakesAFreshEnvironForEachRequest) {
  write_app(
      "seen = [environ.get('X_TEST'), environ['SERVER_NAME'], environ.get('HTTP_A'),"
      " 'leak' in environ]\nenviron['leak'] = 1\nenviron['SERVER_NAME'] = 'changed'\n"
      "start()\nreturn [repr(seen).encode()]");
  const wsgi::Field extra[] = {{"X_TEST", "1"}, {"SERVER_NAME", "from SetEnv"}};
  const wsgi::Field headers[] = {{"A", "v"}, {"A_B", "dropped"}};
  request.head_.extra = extra;
  request.head_.headers = headers;
  serve();
  EXPECT_EQ(response.body, "['1', 'localhost', 'v', False]");
  request.head_.extra = {};
  request.head_.headers = {};
  request.set(wsgi::Var::server_name, "other");
  serve();
  EXPECT_EQ(response.body, "[None, 'other', None, False]");
}

TEST_F(EngineTest, TellsAMissingCallableFromABrokenScript) {
  write("x = 1\n");
  EXPECT_EQ(serve(), Outcome::no_application);
  EXPECT_TRUE(logged("BRINE0304"));
  write("application = 3\n");
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0305"));
  write("def application(:\n");
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("SyntaxError")) << request.log_text();
  std::filesystem::remove(path_);
  target_.keep_last_good = false;
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0303") && logged("No such file")) << request.log_text();
}

TEST_F(EngineTest, KeepsTheLastGoodGeneration) {
  write_app("start()\nreturn [b'good']");
  serve();
  write("import nothing_of_this_name\n");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(serve(), Outcome::completed);
    EXPECT_EQ(response.body, "good");
    EXPECT_EQ(logged("BRINE0306"), i == 0) << "once per change";
  }
  target_.keep_last_good = false;
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0301: ") && logged("nothing_of_this_name"));
  target_.keep_last_good = true;
  write("");  // an editor that truncates first
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body, "good");
  write_app("start()\nreturn [b'mended']");
  serve();
  EXPECT_EQ(response.body, "mended");
}

TEST_F(EngineTest, NoticesARewriteWithinTheClocksGranularity) {
  // Same size, same inode, written in place twice within one tick of the file clock.
  for (int round = 0; round < 20; ++round) {
    const std::string a = "def application(e, s):\n    s('200 OK', [])\n    return [b'a']\n";
    std::string b = a;
    b.replace(b.find("b'a'"), 4, "b'b'");
    std::ofstream(path_) << a;
    serve();
    EXPECT_EQ(response.body, "a");
    std::ofstream(path_) << b;
    // Poll with a deadline: the file settles within tens of milliseconds.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (serve(), response.body != "b") {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
      std::this_thread::yield();
    }
  }
}

TEST_F(EngineTest, HonoursReloadRequired) {
  write(
      "import itertools\n"
      "calls = []\n"
      "def reload_required(path):\n"
      "    calls.append(path)\n"
      "    if len(calls) == 3: raise KeyError('x')\n"
      "    return len(calls) == 2\n"
      "def application(e, s):\n"
      "    s('200 OK', [])\n"
      "    return [repr(calls).encode()]\n");
  target_.resource = "/r";
  serve();
  EXPECT_EQ(response.body, "[]");
  serve();
  EXPECT_EQ(response.body, "['/r']");
  serve();
  EXPECT_EQ(response.body, "[]") << "a new generation";
  serve();
  target_.reloading = false;
  serve();
  EXPECT_EQ(response.body, "['/r']");
}

TEST_F(EngineTest, LimitsInterpretersAndKeepsThemApart) {
  write(
      "n = 0\n"
      "def application(e, s):\n"
      "    global n\n"
      "    n += 1\n"
      "    import mod_wsgi\n"
      "    s('200 OK', [])\n"
      "    return [f'{mod_wsgi.application_group}:{n}'.encode()]\n");
  for (const char* name : {"a", "b", "c"}) {
    target_.application_group = name;
    EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
    EXPECT_EQ(response.body, std::string(name) + ":1");
  }
  target_.application_group = "d";
  EXPECT_EQ(serve(), Outcome::rejected);
  EXPECT_TRUE(logged("BRINE0201"));
  target_.application_group = "a";
  serve();
  EXPECT_EQ(response.body, "a:2");
}

TEST_F(EngineTest, ServesManyThreadsThroughReloads) {
  const std::string app =
      "import sys\nstate = GEN\ndef application(e, s):\n    s('200 OK', [])\n"
      "    return [b'%d=%d' % (state, last)]\nlast = GEN\n";
  auto source = [&](int generation) {
    std::string text = app;
    for (std::size_t at; (at = text.find("GEN")) != std::string::npos;) {
      text.replace(at, 3, std::to_string(generation));
    }
    return text;
  };
  write(source(0));
  std::atomic<bool> stop{false};
  std::atomic<int> served{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      while (!stop) {
        FakeRequest own_request;
        FakeResponse own_response;
        const Outcome outcome = engine().serve(target_, own_request, own_response);
        const auto equals = own_response.body.find('=');
        const bool whole = equals != std::string::npos && own_response.body.substr(0, equals) ==
                                                              own_response.body.substr(equals + 1);
        if (outcome != Outcome::completed || !whole) ++wrong;
        ++served;
      }
    });
  }
  for (int i = 1; i <= 50; ++i) {
    const int before = served;
    write(source(i));
    while (served < before + 20) std::this_thread::yield();
  }
  stop = true;
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_GE(served, 1000);
}

TEST_F(EngineTest, LoadsOnceForManyRequestsThatNoticedOneChange) {
  // Each request looks at the file before it gets the GIL: what it saw may be old by then.
  auto source = [](int i) {
    return "import builtins, time\n"
           "builtins.brine_loads = getattr(builtins, 'brine_loads', 0) + 1\n"
           "time.sleep(0.01)\n"
           "def application(e, s):\n    s('200 OK', [])\n"
           "    return [b'%d' % builtins.brine_loads]\n# " +
           std::to_string(i);
  };
  write(source(0));
  serve();
  for (int change = 1; change <= 10; ++change) {
    std::vector<std::thread> threads;
    write(source(change));
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        FakeRequest own_request;
        FakeResponse own_response;
        engine().serve(target_, own_request, own_response);
      });
    }
    for (auto& thread : threads) thread.join();
  }
  serve();
  EXPECT_EQ(response.body, "11");
  write("import builtins\ndel builtins.brine_loads\ndef application(e, s): pass\n");
  serve();
}

TEST_F(EngineTest, KeepsInterpretersApartOnAThreadThatSawTheSubInterpreterFirst) {
  write(
      "def application(e, s):\n"
      "    import mod_wsgi\n"
      "    s('200 OK', [])\n"
      "    return [mod_wsgi.application_group.encode() or b'main']\n");
  std::vector<std::string> seen;
  std::thread([&] {
    for (const char* name : {"a", "", "b", ""}) {
      target_.application_group = name;
      serve();
      seen.push_back(response.body);
    }
  }).join();
  EXPECT_EQ(seen, (std::vector<std::string>{"a", "main", "b", "main"}));
}

TEST_F(EngineTest, OutlivesAThreadThatStillReadsWhenTheRequestEnds) {
  write(
      "import threading, time\n"
      "said = []\n"
      "def application(e, s):\n"
      "    if e['PATH_INFO'] == '/said':\n"
      "        s('200 OK', [])\n"
      "        return [repr(said).encode()]\n"
      "    entered = threading.Event()\n"
      "    def read():\n"
      "        entered.set()\n"
      "        said.append(e['wsgi.input'].read())\n"
      "        try:\n"
      "            while True: e['wsgi.input'].read()\n"
      "        except RuntimeError:\n"
      "            said.append('ended')\n"
      "    threading.Thread(target=read).start()\n"
      "    entered.wait()\n"
      "    s('200 OK', [])\n"
      "    return [b'done']\n");
  request.chunks = {"slow"};
  request.read_delay = std::chrono::milliseconds(50);
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_EQ(response.body, "done");
  request.set(wsgi::Var::path_info, "/said");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (serve(), response.body != "[b'slow', 'ended']") {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline) << response.body;
  }
}

long resident_kib() {
  std::ifstream status("/proc/self/statm");
  long size = 0, resident = 0;
  status >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

TEST_F(EngineTest, TenThousandReloadsLeaveMemoryFlat) {
  auto reload = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      write("data = [" + std::to_string(i) +
            "] * 5000\n"
            "class Thing: pass\n"
            "def application(e, s):\n    s('200 OK', [])\n    return [str(data[0]).encode()]\n");
      ASSERT_EQ(serve(), Outcome::completed) << request.log_text();
      ASSERT_EQ(response.body, std::to_string(i));
      ASSERT_FALSE(logged("BRINE")) << request.log_text();
    }
  };
  reload(0, 1000);
  [[maybe_unused]] const long before = resident_kib();
  reload(1000, 10000);
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory for a while
  // 9,000 generations of 40 KB each would be 360 MB.
  EXPECT_LT(resident_kib() - before, 4096);
#endif
}

TEST_F(EngineTest, NamesWhatKeepsAGenerationAlive) {
  auto source = [](int i) {
    return "import logging\n"
           "class Handler(logging.Handler):\n"
           "    def emit(self, record): pass\n"
           "logging.brine_test_handlers = getattr(logging, 'brine_test_handlers', [])\n"
           "logging.brine_test_handlers.append(Handler())\n"
           "def application(e, s):\n    s('200 OK', [])\n    return [b'" +
           std::to_string(i) + "']\n";
  };
  bool named = false;
  for (int i = 0; i < 30 && !named; ++i) {
    write(source(i));
    serve();
    named = logged("BRINE0307");
  }
  EXPECT_TRUE(named);
  EXPECT_TRUE(logged("is held by logging.brine_test_handlers")) << request.log_text();
  write("import logging\ndel logging.brine_test_handlers\ndef application(e, s): pass\n");
  serve();
}

}  // namespace
}  // namespace brine::engine

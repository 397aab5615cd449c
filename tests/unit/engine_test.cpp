// The engine with a Python in this process and a fake server around it.
#include "boundary/engine.hpp"

#include <Python.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine_fixture.hpp"

namespace brine::engine {
namespace {

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

// Since Python 3.12 an interned string is never freed. To intern an equal string gives back the one
// that is interned already, and itself where none is.
TEST_F(EngineTest, InternsNoNameThatAClientMakesUp) {
  write_app(
      "import sys\n"
      "def interned(key):\n"
      "    fresh = ''.join(list(key))\n"
      "    return sys.intern(fresh) is not fresh\n"
      "start()\n"
      "made_up = [key for key in environ if key.startswith('HTTP_MADE_UP')]\n"
      "assert interned('HTTP_HOST'), 'applications look it up'\n"
      "return [b'%d of %d' % (sum(map(interned, made_up)), len(made_up))]");
  for (int round = 0; round < 40; ++round) {  // more names than the environ's maker remembers
    std::vector<std::string> names;
    for (int i = 0; i < 20; ++i) names.push_back("Made-Up-" + std::to_string(20 * round + i));
    std::vector<wsgi::Field> headers = {{"Host", "localhost"}};
    for (const std::string& name : names) headers.push_back({name, "value"});
    request.head_.headers = headers;
    ASSERT_EQ(serve(), Outcome::completed) << request.log_text();
    ASSERT_EQ(response.body, "0 of 20");
  }
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
  EXPECT_EQ(serve(), Outcome::script_failed);
  EXPECT_TRUE(logged("BRINE0305"));
  write("def application(:\n");
  EXPECT_EQ(serve(), Outcome::script_failed);
  EXPECT_TRUE(logged("SyntaxError")) << request.log_text();
  std::filesystem::remove(path_);
  target_.settings.keep_last_good = false;
  EXPECT_EQ(serve(), Outcome::script_failed);
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
  target_.settings.keep_last_good = false;
  EXPECT_EQ(serve(), Outcome::script_failed);
  EXPECT_TRUE(logged("BRINE0301: ") && logged("nothing_of_this_name"));
  target_.settings.keep_last_good = true;
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
  target_.settings.reloading = wsgi::Reloading::off;
  serve();
  EXPECT_EQ(response.body, "['/r']");
}

TEST_F(EngineTest, RunsNothingWhereAChangeWantsAFreshProcess) {
  write_app("start()\nreturn [b'old']");
  target_.settings.reloading = wsgi::Reloading::fresh_process;
  EXPECT_EQ(serve(), Outcome::completed) << "the first load is this process's";
  EXPECT_EQ(serve(), Outcome::completed);
  write_app("start()\nreturn [b'new']");
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(serve(), Outcome::restarting);
    EXPECT_TRUE(request.records.empty()) << request.log_text();
    EXPECT_EQ(response.status, 0);
  }
  write("broken(\n");
  EXPECT_EQ(serve(), Outcome::restarting) << "the new process will say so";
  std::filesystem::remove(path_);
  EXPECT_EQ(serve(), Outcome::restarting);
  EXPECT_TRUE(request.records.empty()) << request.log_text();
}

TEST_F(EngineTest, WantsAFreshProcessForAScriptThatLackedItsApplication) {
  write("x = 1\n");
  target_.settings.reloading = wsgi::Reloading::fresh_process;
  EXPECT_EQ(serve(), Outcome::no_application);
  write_app("start()\nreturn [b'new']");
  EXPECT_EQ(serve(), Outcome::restarting);
  EXPECT_TRUE(request.records.empty()) << request.log_text();
}

TEST_F(EngineTest, ServesTheOldCodeAndSaysSoWhereProcessesAreReplacedOneByOne) {
  write_app("start()\nreturn [b'old']");
  target_.settings.reloading = wsgi::Reloading::rolling;
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(request.changes, 0);
  write("broken(\n");
  for (int i = 1; i <= 2; ++i) {
    EXPECT_EQ(serve(), Outcome::completed);
    EXPECT_EQ(response.body, "old");
    EXPECT_EQ(request.changes, i) << "once for each request";
    EXPECT_TRUE(request.records.empty()) << request.log_text();
  }
}

TEST_F(EngineTest, AsksForAProcessWhereTheScriptDemandsAReload) {
  write(
      "def reload_required(path): return path == '/now'\n"
      "def application(e, s):\n    s('200 OK', [])\n    return [b'x']\n");
  target_.settings.reloading = wsgi::Reloading::fresh_process;
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(serve(), Outcome::completed);
  target_.resource = "/now";
  EXPECT_EQ(serve(), Outcome::completed) << "it is not asked as soon as it is loaded";
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (serve() != Outcome::restarting) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  target_.settings.reloading = wsgi::Reloading::rolling;
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(request.changes, 1);
}

TEST_F(EngineTest, ComparesAFreshFileBeforeItAsksForAProcess) {
  const std::string a = "def application(e, s):\n    s('200 OK', [])\n    return [b'a']\n";
  std::string b = a;
  b.replace(b.find("b'a'"), 4, "b'b'");
  target_.settings.reloading = wsgi::Reloading::fresh_process;
  std::ofstream(path_) << a;
  EXPECT_EQ(serve(), Outcome::completed);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(serve(), Outcome::completed) << "other time, same bytes";
  for (int round = 0; round < 5; ++round) {
    path_ = folder_ / ("app" + std::to_string(round));
    target_.script = path_.native();
    std::ofstream(path_) << a;
    EXPECT_EQ(serve(), Outcome::completed);
    std::ofstream(path_) << b;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (serve() != Outcome::restarting) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    }
  }
}

TEST_F(EngineTest, PreloadsWhateverReloadingSaysAndWantsTheApplication) {
  FakeRequest log;
  write("x = 1\n");
  target_.settings.reloading = wsgi::Reloading::fresh_process;
  EXPECT_FALSE(engine().preload(target_, log));
  EXPECT_NE(log.log_text().find("BRINE0304"), std::string::npos);
  target_.callable = "";
  EXPECT_TRUE(engine().preload(target_, log)) << "a script that is only run";
  target_.callable = "application";
  target_.settings.keep_last_good = false;
  EXPECT_TRUE(engine().preload(target_, log)) << "requests will say";
  target_.settings.keep_last_good = true;
  write_app("start()\nreturn [b'new']");
  EXPECT_TRUE(engine().preload(target_, log));
  EXPECT_EQ(serve(), Outcome::completed);
  EXPECT_EQ(response.body, "new");
  write("broken(\n");
  target_.application_group = "a";
  EXPECT_FALSE(engine().preload(target_, log));
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
  for (const char* name : {"a", "b", "c", "main thread"}) {
    target_.application_group = name;
    EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
    EXPECT_EQ(response.body, std::string(name) + ":1");
  }
  target_.application_group = "d";
  EXPECT_EQ(serve(), Outcome::rejected);
  EXPECT_TRUE(logged("BRINE0201") && logged("the configuration names more than the 4"));
  target_.group_named_by = wsgi::NamedBy::host;
  EXPECT_EQ(serve(), Outcome::completed) << "clients have places of their own";
  target_.application_group = "e";
  EXPECT_EQ(serve(), Outcome::rejected);
  EXPECT_TRUE(logged("BRINE0201") && logged("Host header")) << request.log_text();
  target_.group_named_by = wsgi::NamedBy::variable;
  EXPECT_EQ(serve(), Outcome::rejected);
  EXPECT_TRUE(logged("%{ENV:...}")) << request.log_text();
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

// A request that another thread serves, and what it does is looked at and ended from here.
class Busy {
 public:
  explicit Busy(const wsgi::Target& target, std::string_view group = "")
      : thread_([this, &target, group] { run(target, group); }) {
    while (self_ == 0) std::this_thread::yield();
  }
  ~Busy() {
    if (thread_.joinable()) thread_.join();
  }

  std::uintptr_t self() const { return self_; }
  Outcome outcome() {
    thread_.join();
    return outcome_;
  }
  // Interrupts it once it has come to `place`, as its stack names it.
  bool interrupt_at(std::string_view place) {
    return stack(place).find(place) != std::string::npos && engine().interrupt(self_);
  }
  // The stack, once `text` stands in it.
  std::string stack(std::string_view text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    std::string found;
    while (std::chrono::steady_clock::now() < deadline) {
      found = engine().stack(self_);
      if (found.find(text) != std::string::npos) break;
    }
    return found;
  }

  FakeRequest request;
  FakeResponse response;

 private:
  void run(const wsgi::Target& target, std::string_view group) {
    request.set(wsgi::Var::application_group, group);
    self_ = pthread_self();
    outcome_ = engine().serve(target, request, response);
  }

  std::atomic<std::uintptr_t> self_{0};
  Outcome outcome_ = Outcome::rejected;
  std::thread thread_;  // last: it uses the others
};

TEST_F(EngineTest, InterruptsAnApplicationBeforeItsHeaders) {
  write_app(
      "import time\ntry:\n    while True: time.sleep(0.001)\n"
      "except Exception: pass\nstart()\nreturn [b'']");
  for (const char* group : {"", "a"}) {
    target_.application_group = group;
    Busy busy(target_);
    EXPECT_TRUE(busy.interrupt_at("line 6, in application"));
    EXPECT_EQ(busy.outcome(), Outcome::timed_out) << busy.request.log_text();
    const std::string log = busy.request.log_text();
    EXPECT_NE(log.find("BRINE0408"), std::string::npos) << log;
    EXPECT_NE(log.find("while True: time.sleep"), std::string::npos) << log;
    EXPECT_EQ(log.find("BRINE0401"), std::string::npos) << log;
    EXPECT_EQ(busy.response.status, 0);
  }
}

TEST_F(EngineTest, InterruptsAnApplicationAfterItsHeaders) {
  write(
      "import time\n"
      "class Body:\n"
      "    closed = 0\n"
      "    def __iter__(self):\n"
      "        yield b'a'\n"
      "        while True: time.sleep(0.001)\n"
      "    def close(self):\n"
      "        Body.closed += 1\n"
      "def application(e, s):\n"
      "    s('200 OK', [])\n"
      "    return [b'%d' % Body.closed] if e['PATH_INFO'] == '/closed' else Body()\n");
  Busy busy(target_);
  EXPECT_TRUE(busy.interrupt_at("line 6, in __iter__"));
  EXPECT_EQ(busy.outcome(), Outcome::failed_after_headers) << busy.request.log_text();
  EXPECT_TRUE(busy.response.aborted);
  EXPECT_NE(busy.request.log_text().find("BRINE0408"), std::string::npos);
  request.set(wsgi::Var::path_info, "/closed");
  serve();
  EXPECT_EQ(response.body, "1");
}

TEST_F(EngineTest, LetsAnApplicationCatchTheInterruption) {
  write_app(
      "import mod_wsgi, time\ntry:\n    while True: time.sleep(0.001)\n"
      "except mod_wsgi.RequestTimeout as error:\n"
      "    assert type(error).__mro__[1] is BaseException\n"
      "start('503 Busy')\nreturn [b'later']");
  Busy busy(target_);
  EXPECT_TRUE(busy.interrupt_at("line 6, in application"));
  EXPECT_EQ(busy.outcome(), Outcome::completed) << busy.request.log_text();
  EXPECT_EQ(busy.response.body, "later");
  EXPECT_EQ(busy.request.log_text().find("BRINE"), std::string::npos);
}

TEST_F(EngineTest, KnowsAnInterruptionThatBecameAnotherException) {
  write_app(
      "import time\ntry:\n    while True: time.sleep(0.001)\n"
      "finally: {}['rollback']");
  Busy busy(target_);
  EXPECT_TRUE(busy.interrupt_at("line 6, in application"));
  EXPECT_EQ(busy.outcome(), Outcome::timed_out);
  EXPECT_NE(busy.request.log_text().find("KeyError: 'rollback'"), std::string::npos);
  write_app("import mod_wsgi\nraise mod_wsgi.RequestTimeout('own')");
  EXPECT_EQ(serve(), Outcome::failed_before_headers);
  EXPECT_TRUE(logged("BRINE0401: RequestTimeout: own")) << "nobody interrupted it";
}

TEST_F(EngineTest, InterruptsAClose) {
  write(
      "import time\n"
      "class Body(list):\n"
      "    def close(self):\n"
      "        while True: time.sleep(0.001)\n"
      "def application(e, s):\n"
      "    s('200 OK', [])\n"
      "    return Body([b'all'])\n");
  Busy busy(target_);
  EXPECT_TRUE(busy.interrupt_at("line 4, in close"));
  EXPECT_EQ(busy.outcome(), Outcome::completed);
  EXPECT_EQ(busy.response.body, "all");
  EXPECT_NE(busy.request.log_text().find("BRINE0403"), std::string::npos);
}

TEST_F(EngineTest, DoesNotInterruptTheLoadOfAScript) {
  write("import time\ntime.sleep(0.1)\ndef application(e, s): s('200 OK', []); return [b'x']\n");
  Busy busy(target_);
  EXPECT_NE(busy.stack("time.sleep(0.1)").find("in <module>"), std::string::npos);
  EXPECT_FALSE(engine().interrupt(busy.self()));
  EXPECT_EQ(busy.outcome(), Outcome::completed);
}

TEST_F(EngineTest, NeverInterruptsALaterRequest) {
  // One request may be interrupted, at any moment of it and as it ends; the next one may not.
  write(
      "def application(e, s):\n"
      "    for i in range(200): pass\n"
      "    s('200 OK', [])\n"
      "    return (b for b in [b'x'])\n");
  for (const char* group : {"", "a"}) {
    target_.application_group = group;
    serve();
    std::mutex turn;
    bool allowed = false, done = false;
    const std::uintptr_t self = pthread_self();
    std::thread monitor([&] {
      for (bool more = true; more; std::this_thread::yield()) {
        const std::lock_guard lock(turn);
        if (allowed) engine().interrupt(self);
        more = !done;
      }
    });
    const auto allow = [&](bool now) {
      const std::lock_guard lock(turn);
      allowed = now;
    };
    int served = 0, interrupted = 0, wrong = 0;
    // On a busy machine the monitor may not have its turn within so many requests.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto enough = [&] {
      return interrupted >= 1000 || (served >= 20000 && interrupted > 0) ||
             std::chrono::steady_clock::now() > deadline;
    };
    for (; !enough(); ++served) {
      allow(true);
      interrupted += serve() != Outcome::completed;
      allow(false);
      wrong += engine().interrupt(self);
      wrong += serve() != Outcome::completed;
    }
    {
      const std::lock_guard lock(turn);
      done = true;
    }
    monitor.join();
    EXPECT_GT(interrupted, 0);
    EXPECT_EQ(wrong, 0);
  }
}

TEST_F(EngineTest, ShowsTheStackOfAThread) {
  write(
      "import time\n"
      "go = False\n"
      "def inner(depth):\n"
      "    if depth: return inner(depth - 1)\n"
      "    while not go: time.sleep(0.001)\n"
      "def application(e, s):\n"
      "    global go\n"
      "    go = e['PATH_INFO'] == '/go'\n"
      "    inner(200 if e['mod_wsgi.application_group'] else 0)\n"
      "    s('200 OK', [])\n"
      "    return [b'x']\n");
  for (const char* group : {"", "a"}) {
    target_.application_group = group;
    request.set(wsgi::Var::application_group, group);
    Busy busy(target_, group);
    const std::string file = "  File \"" + path_.string() + "\", line ";
    const std::string inner = file + "5, in inner\n    while not go: time.sleep(0.001)";
    const std::string stack = busy.stack(inner);
    EXPECT_TRUE(stack.ends_with(inner)) << stack;
    EXPECT_EQ(stack.substr(0, stack.find('\n')),
              *group == 0 ? file + "9, in application" : "  (102 outer calls are left out)");
    engine().touch_gils();
    request.set(wsgi::Var::path_info, "/go");
    serve();
    EXPECT_EQ(busy.outcome(), Outcome::completed);
    EXPECT_EQ(engine().stack(busy.self()), "");
  }
  EXPECT_EQ(engine().stack(1), "") << "no such thread";
  EXPECT_FALSE(engine().interrupt(1));
}

TEST_F(EngineTest, SetsTheSwitchIntervalForEveryInterpreter) {
  write_app("import sys\nstart()\nreturn [repr(sys.getswitchinterval()).encode()]");
  for (const char* group : {"", "a"}) {
    target_.application_group = group;
    serve();
    EXPECT_EQ(response.body, "0.002");
  }
}

TEST_F(EngineTest, WritesTheStacksOfAProcessThatCrashes) {
  // Not by os.fork, which in some Pythons hangs where there are sub-interpreters.
  write_app(
      "import ctypes, os\npid = ctypes.PyDLL(None).fork()\nif pid == 0: os.abort()\n"
      "os.waitpid(pid, 0)\nstart()\nreturn [b'']");
  // A new thread: Python lists the threads that it met last first, and 100 of them.
  std::thread([&] { EXPECT_EQ(serve(), Outcome::completed) << request.log_text(); }).join();
  std::string text(4096, 0);
  const auto size = ::pread(crash_file(), text.data(), text.size(), 0);
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  EXPECT_NE(text.find("Fatal Python error: Aborted"), std::string::npos) << text;
  EXPECT_NE(text.find(path_.string() + "\", line 6 in application"), std::string::npos) << text;
}

TEST_F(EngineTest, LeavesFaulthandlerToAnApplicationThatEnablesIt) {
  const std::string own = (folder_ / "own").string();
  ASSERT_EQ(::ftruncate(crash_file(), 0), 0);
  write_app(
      "import ctypes, faulthandler, os\npid = ctypes.PyDLL(None).fork()\nif pid == 0:\n"
      "    faulthandler.enable(open('" +
      own +
      "', 'w'))\n    os.abort()\n"
      "os.waitpid(pid, 0)\nstart()\nreturn [b'']");
  EXPECT_EQ(serve(), Outcome::completed) << request.log_text();
  EXPECT_GT(std::filesystem::file_size(own), 0U);
  struct stat info = {};
  ASSERT_EQ(::fstat(crash_file(), &info), 0);
  EXPECT_EQ(info.st_size, 0);
}

TEST_F(EngineTest, PreloadsInPythonsMainThreadWhereThatIsTheProcesss) {
  write(
      "import threading\n"
      "assert threading.current_thread() is threading.main_thread()\n"
      "def application(e, s):\n"
      "    s('200 OK', [])\n"
      "    return [repr(threading.current_thread() is threading.main_thread()).encode()]\n");
  for (const char* group : {"", "main thread"}) {
    target_.application_group = group;
    EXPECT_TRUE(engine().preload(target_, request)) << request.log_text();
    std::thread([&] { serve(); }).join();
    EXPECT_EQ(response.body, "False");
    serve();
    EXPECT_EQ(response.body, "True");
  }
}

long resident_kib() {
  std::ifstream status("/proc/self/statm");
  long size = 0, resident = 0;
  status >> size >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

// Free-threaded CPython 3.13 frees no module, class or function once there is a second thread.
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x030E0000
constexpr bool kKeepsCode = true;
#else
constexpr bool kKeepsCode = false;
#endif

TEST_F(EngineTest, ReloadsLeaveMemoryFlat) {
  if (kKeepsCode) GTEST_SKIP() << "this Python keeps the code of old generations";
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
  // Ten thousand in `tests/run --soak`.
  const int last = std::getenv("BRINE_SOAK") != nullptr ? 10000 : 500;
  const int warm = last / 5;
  reload(0, warm);
  [[maybe_unused]] const long before = resident_kib();
  reload(warm, last);
#ifndef __SANITIZE_ADDRESS__  // which keeps freed memory for a while
  // 400 generations of 40 KB each would be 16 MB.
  EXPECT_LT(resident_kib() - before, 1024);
#endif
}

TEST_F(EngineTest, NamesWhatKeepsAGenerationAlive) {
  if (kKeepsCode) GTEST_SKIP() << "this Python keeps the code of old generations";
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

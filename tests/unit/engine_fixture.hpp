// The one engine of the unit tests, with a Python in this process, and what a test needs for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "boundary/engine.hpp"
#include "boundary/interpreter_options.hpp"
#include "fake_request.hpp"

extern "C" const brine::engine::EngineExport brine_engine_export;

namespace brine::engine {

using testing::FakeRequest;
using testing::FakeResponse;
using wsgi::Outcome;

// Where Python writes the stacks of a process that crashes.
inline int crash_file() {
  static const int fd = fileno(std::tmpfile());
  return fd;
}

inline Engine& engine() {
  static FakeRequest server;
  static Engine* const started = [] {
    std::string error;
    Config config;
    config.interpreter_limit = 4;
    config.client_interpreter_limit = 1;
    config.multithread = true;
    InterpreterOptions everywhere;
    everywhere.switch_interval = {0.002, "WSGISwitchInterval (httpd.conf:1)"};
    config.interpreter_rules = {{std::nullopt, everywhere}};
    config.crash_fd = crash_file();
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
    target_.settings.reloading = wsgi::Reloading::in_place;
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

}  // namespace brine::engine

// A request and a response without a server, for tests that run the engine's parts.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "boundary/request.hpp"

namespace brine::testing {

class FakeRequest final : public wsgi::Request {
 public:
  FakeRequest() {
    set(wsgi::Var::request_method, "GET");
    set(wsgi::Var::request_uri, "/");
    set(wsgi::Var::url_scheme, "http");
    set(wsgi::Var::script_name, "");
    set(wsgi::Var::path_info, "/");
    set(wsgi::Var::server_name, "localhost");
    set(wsgi::Var::server_port, "80");
    set(wsgi::Var::server_protocol, "HTTP/1.1");
  }
  void set(wsgi::Var var, std::string_view value) {
    head_.vars[static_cast<std::size_t>(var)] = value;
  }
  const wsgi::Head& head() const noexcept override { return head_; }
  wsgi::ReadResult read(std::span<char> into) noexcept override {
    std::this_thread::sleep_for(read_delay);
    if (chunks.empty()) return {0, ending};
    std::string& chunk = chunks.front();
    const std::size_t n = std::min(into.size(), chunk.size());
    chunk.copy(into.data(), n);
    chunk.erase(0, n);
    if (chunk.empty()) chunks.pop_front();
    return {n, wsgi::ReadStatus::ok};
  }
  void note(const char* name, std::string_view value) noexcept override { notes[name] = value; }
  void script_changed() noexcept override { ++changes; }
  void log(base::Level level, std::string_view text) noexcept override {
    records.emplace_back(level, text);
  }
  std::string log_text() const {
    std::string all;
    for (const auto& [level, text] : records) all += text + "\n";
    return all;
  }

  wsgi::Head head_;
  std::deque<std::string> chunks;                  ///< what read() gives, one at a time
  std::chrono::milliseconds read_delay{0};         ///< how long the client makes a read wait
  wsgi::ReadStatus ending = wsgi::ReadStatus::ok;  ///< after the last chunk
  std::vector<std::pair<base::Level, std::string>> records;
  std::map<std::string, std::string> notes;
  int changes = 0;  ///< calls of script_changed()
};

class FakeResponse final : public wsgi::ResponseWriter {
 public:
  void start(int code, std::string_view line,
             std::span<const wsgi::Field> fields) noexcept override {
    status = code;
    status_line = line;
    headers.clear();
    for (const auto& field : fields) headers.emplace_back(field.name, field.value);
  }
  char* allocate(std::size_t size) noexcept override {
    memory.push_back(std::make_unique<char[]>(size + 1));
    return memory.back().get();
  }
  wsgi::Delivery send(std::span<const std::string_view> blocks, wsgi::End end) noexcept override {
    ++sends;
    for (const auto block : blocks) body += block;
    if (end == wsgi::End::last) ++ends;
    return sends > gone_after ? wsgi::Delivery::client_gone : wsgi::Delivery::ok;
  }
  wsgi::Delivery send_file(int, std::int64_t at, std::int64_t size,
                           wsgi::End end) noexcept override {
    file_offset = at;
    file_length = size;
    if (end == wsgi::End::last) ++ends;
    return wsgi::Delivery::ok;
  }
  void abort() noexcept override { aborted = true; }

  int status = 0;
  std::string status_line;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  int sends = 0;
  int ends = 0;
  int gone_after = 1 << 30;
  bool aborted = false;
  std::int64_t file_offset = -1;
  std::int64_t file_length = -1;
  std::vector<std::unique_ptr<char[]>> memory;
};

}  // namespace brine::testing

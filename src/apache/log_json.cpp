#include "apache/log_json.hpp"

#include <array>
#include <cstdio>
#include <ctime>

#include "apache/log_lines.hpp"
#include "base/json_text.hpp"

namespace brine::apache {

namespace {

// A client chooses these; what is longer is cut.
constexpr std::size_t kLongestMember = 256;

constexpr std::int64_t kMicroseconds = 1000000;

const char* python_level(base::Level level) {
  switch (level) {
    case base::Level::critical:
      return "CRITICAL";
    case base::Level::error:
      return "ERROR";
    case base::Level::warning:
      return "WARNING";
    case base::Level::notice:  // what an application prints
    case base::Level::info:
      return "INFO";
    case base::Level::debug:
      break;
  }
  return "DEBUG";
}

// Returns the time as RFC 3339 writes it, in UTC.
std::string time_text(std::int64_t time) {
  const std::time_t seconds = time / kMicroseconds;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + size, text.size() - size, ".%06dZ",
                static_cast<int>(time % kMicroseconds));
  return text.data();
}

// Returns the texts, as they stand within JSON's quotes, of which the message consists.
std::vector<std::string> pieces(std::string_view text, std::size_t longest) {
  std::vector<std::string> result(1);
  std::string character;
  while (!text.empty()) {
    character.clear();
    base::append_json_character(character, base::take_character(text));
    if (result.back().size() + character.size() > longest && !result.back().empty()) {
      result.emplace_back();
    }
    result.back() += character;
  }
  return result;
}

void append(std::string& out, const char* name, std::string_view value) {
  if (value.empty()) return;
  out.append(",\"").append(name).append("\":").append(
      base::json_text(value.substr(0, kLongestMember)));
}

std::string members(const LogContext& context, std::string_view code) {
  std::string out = "{\"time\":\"" + time_text(context.time) + "\",\"level\":\"" +
                    python_level(context.level) + "\",\"pid\":" + std::to_string(context.pid) +
                    ",\"tid\":" + std::to_string(context.tid);
  append(out, "server", context.server);
  append(out, "request_id", context.request_id);
  append(out, "client", context.client);
  append(out, "method", context.method);
  append(out, "path", context.path);
  append(out, "code", code);
  return out;
}

}  // namespace

std::vector<std::string> json_lines(const LogContext& context, std::string_view text,
                                    std::size_t longest) {
  const std::string_view code = leading_code(text);
  if (!code.empty()) {
    text.remove_prefix(code.size() + 1);
    if (text.starts_with(' ')) text.remove_prefix(1);
  }
  if (text.ends_with('\n')) text.remove_suffix(1);
  const std::string start = members(context, code);
  std::vector<std::string> lines = pieces(text, longest);
  const std::size_t parts = lines.size();
  for (std::size_t i = 0; i < parts; ++i) {
    const std::string part =
        parts == 1 ? ""
                   : ",\"part\":" + std::to_string(i + 1) + ",\"parts\":" + std::to_string(parts);
    lines[i] = start + part + ",\"message\":\"" + lines[i] + "\"}\n";
  }
  return lines;
}

}  // namespace brine::apache

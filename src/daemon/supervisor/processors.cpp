#include "daemon/supervisor/processors.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <system_error>
#include <thread>

namespace brine::daemon {

namespace {

constexpr std::string_view kVersion2 = "0::";

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

// Takes a number and the blank or the end of line behind it off the text.
std::optional<std::size_t> take_number(std::string_view& text) {
  std::size_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty() && text.front() != ' ' && text.front() != '\n') return std::nullopt;
  if (!text.empty()) text.remove_prefix(1);
  return number;
}

}  // namespace

std::optional<std::string> control_group(std::string_view text) {
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    if (line.starts_with(kVersion2) && line.substr(kVersion2.size()).starts_with('/')) {
      return std::string(line.substr(kVersion2.size()));
    }
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  return std::nullopt;
}

std::optional<std::size_t> allowed_by(std::string_view cpu_max) {
  const auto quota = take_number(cpu_max);
  if (!quota) return std::nullopt;
  const auto period = take_number(cpu_max);
  if (!period || *period == 0 || !cpu_max.empty()) return std::nullopt;
  return std::max<std::size_t>(1, *quota / *period + (*quota % *period != 0 ? 1 : 0));
}

std::size_t processors() {
  std::size_t count = std::max(1U, std::thread::hardware_concurrency());
  auto group = control_group(text_of("/proc/self/cgroup"));
  while (group) {
    if (const auto allowed = allowed_by(text_of("/sys/fs/cgroup" + *group + "/cpu.max"))) {
      count = std::min(count, *allowed);
    }
    if (group->empty()) break;
    group->resize(group->rfind('/'));
  }
  return count;
}

}  // namespace brine::daemon

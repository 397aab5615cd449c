#include "metrics/usage.hpp"

#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>

namespace brine::metrics {

namespace {

// The places of fields behind the process's name, as proc(5) numbers them from 3.
constexpr std::size_t kFirst = 3;
constexpr std::size_t kUserTime = 14 - kFirst;
constexpr std::size_t kSystemTime = 15 - kFirst;
constexpr std::size_t kThreads = 20 - kFirst;
constexpr std::size_t kStarted = 22 - kFirst;
constexpr std::size_t kResident = 24 - kFirst;

std::string read_small_file(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return {};
  std::array<char, 1024> text{};
  const std::size_t size = std::fread(text.data(), 1, text.size(), file);
  std::fclose(file);
  return {text.data(), size};
}

std::uint32_t count_descriptors(const std::string& folder) {
  DIR* const entries = ::opendir(folder.c_str());
  if (entries == nullptr) return 0;
  std::uint32_t count = 0;
  while (const dirent* entry = ::readdir(entries)) {
    if (entry->d_name[0] != '.') ++count;
  }
  ::closedir(entries);
  return count;
}

// Returns for how long the machine has been suspended, which CLOCK_MONOTONIC leaves out.
base::Nanos suspended() {
  const base::Nanos monotonic = base::now();
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return time.tv_sec * base::kSecond + time.tv_nsec - monotonic;
}

}  // namespace

std::optional<Usage> usage_in(std::string_view stat, base::Nanos tick, std::uint64_t page) {
  // The line reads "pid (name) state ...", and the name may contain parentheses.
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string_view::npos) return std::nullopt;
  std::istringstream text{std::string(stat.substr(name_end + 1))};
  std::string state;
  text >> state;
  std::array<std::int64_t, kResident + 1> fields{};
  for (std::size_t i = 1; i < fields.size(); ++i) text >> fields[i];
  if (!text) return std::nullopt;
  Usage usage;
  usage.resident = static_cast<std::uint64_t>(fields[kResident]) * page;
  usage.started = fields[kStarted] * tick;
  usage.cpu = (fields[kUserTime] + fields[kSystemTime]) * tick;
  usage.threads = static_cast<std::uint32_t>(fields[kThreads]);
  return usage;
}

std::optional<Usage> usage_of(pid_t pid) {
  const std::string folder = "/proc/" + std::to_string(pid);
  auto usage = usage_in(read_small_file(folder + "/stat"), base::kSecond / ::sysconf(_SC_CLK_TCK),
                        static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  if (!usage) return std::nullopt;
  usage->started -= suspended();
  usage->descriptors = count_descriptors(folder + "/fd");
  return usage;
}

}  // namespace brine::metrics

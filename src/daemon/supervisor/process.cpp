#include "daemon/supervisor/process.hpp"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

namespace brine::daemon {

namespace {

// Returns what faulthandler wrote into the file that the process was given for it.
std::string read_crash_report(int fd) {
  if (fd < 0) return {};
  std::string text(65536, '\0');
  const ssize_t size = ::pread(fd, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Returns the letter by which the kernel shows a process's state; 0: there is no such process.
char state_of(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/stat";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  char text[512] = {};
  const std::size_t size = std::fread(text, 1, sizeof(text) - 1, file);
  std::fclose(file);
  // The line reads "pid (name) state ...", and the name may contain parentheses.
  const char* end = size == 0 ? nullptr : std::strrchr(text, ')');
  return end == nullptr || end[1] == '\0' ? '\0' : end[2];
}

}  // namespace

bool has_ended(pid_t pid) {
  const char state = state_of(pid);
  return state == 0 || state == 'Z' || state == 'X';
}

bool is_stopped(pid_t pid) {
  const char state = state_of(pid);
  return state == 'T' || state == 't';
}

bool runs_as(pid_t pid, uid_t user) {
  if (pid <= 0) return false;
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    unsigned long real = 0;
    if (std::sscanf(line.c_str(), "Uid: %lu", &real) == 1) return real == user;
  }
  return false;
}

std::uint64_t resident_bytes(pid_t pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/statm";
  std::FILE* file = std::fopen(path.c_str(), "re");
  if (file == nullptr) return 0;
  unsigned long total = 0;
  unsigned long resident = 0;
  const int fields = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return fields == 2 ? resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) : 0;
}

ExitReport exit_report_of(const Process& process, const std::string& group, int status,
                          long peak_kib) {
  ExitReport exit_report;
  exit_report.pid = process.pid;
  exit_report.group = group;
  exit_report.status = status;
  exit_report.unseen = process.orphan();
  exit_report.reason = process.life.reason;
  exit_report.timed_out = process.life.timed_out;
  exit_report.peak_kib = peak_kib;
  exit_report.stack = read_crash_report(process.crash_report.get());
  return exit_report;
}

ExitReport exit_report_of(const Process& process, const std::string& group, const GroupView& view,
                          int status, long peak_kib) {
  ExitReport exit_report = exit_report_of(process, group, status, peak_kib);
  const base::Nanos now = base::now();
  exit_report.served = read_slot(view.memory_of(process.slot), now).served;
  for (const ThreadRecord& record : view.threads_of(process.slot)) {
    const base::Nanos since = since_of(record, now);
    if (since == 0) continue;
    exit_report.requests.push_back(
        {std::string(text_in(record.what)), std::string(text_in(record.id)), now - since});
  }
  return exit_report;
}

}  // namespace brine::daemon

// What holds for every WSGIDaemonProcess line: it is refused with a clause or accepted, what is
// accepted lies in its range, and what was accepted can be written down and read again.
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "apache/config/daemon_options.hpp"

namespace {

using brine::apache::DaemonOptions;
using brine::apache::parse_daemon_options;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_ranges(const DaemonOptions& options) {
  const auto& group = options.group;
  require(!group.name.empty() && group.name.find("%{") == std::string::npos);
  require(group.least_processes >= 1 && group.least_processes <= group.processes);
  require(group.processes <= 10000 && group.multiprocess == options.given.contains("processes"));
  require(group.threads >= 0 && group.threads <= 65533);
  require(group.chroot.empty() || group.chroot.front() == '/');
  require(group.home.empty() || group.home.front() == '/');
  require(!group.umask || *group.umask <= 0777);
  require(group.switch_interval >= 0 && group.switch_interval <= 3600);
  const auto& limits = group.limits;
  for (const auto duration :
       {limits.startup_timeout, limits.shutdown_timeout, limits.graceful_timeout,
        limits.eviction_timeout, limits.deadlock_timeout, limits.inactivity_timeout,
        limits.request_timeout, limits.interrupt_timeout, limits.restart_interval,
        limits.connect_timeout, limits.socket_timeout, limits.queue_timeout}) {
    require(duration.count() >= 0 && duration.count() <= 2147483647LL * 1000);
  }
  require(limits.listen_backlog >= 0);
  require(options.script_user.empty() || options.script_group.empty());
}

// A value in the quotes that it does not hold; one with both could not have been given.
std::string written(const std::string& text) {
  const char quote = text.find('"') == std::string::npos ? '"' : '\'';
  return quote + text + quote;
}

void check_written_again(const DaemonOptions& options) {
  std::string line = written(options.group.name);
  for (const auto& [name, text] : options.given) {
    if (text.find('"') != std::string::npos && text.find('\'') != std::string::npos) return;
    line.append(" ").append(name).append("=").append(written(text));
  }
  if (options.group.name.find('"') != std::string::npos) return;
  const DaemonOptions again = parse_daemon_options(line);
  require(again.given == options.given && again.group.name == options.group.name);
  require(again.group.display_name == options.group.display_name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line(reinterpret_cast<const char*>(data), size);
  DaemonOptions options;
  try {
    options = parse_daemon_options(line);
  } catch (const std::invalid_argument& error) {
    require(*error.what() != '\0');
    return 0;
  }
  check_ranges(options);
  check_written_again(options);
  return 0;
}

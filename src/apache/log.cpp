#include "apache/log.hpp"

#include <pthread.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "apache/log_lines.hpp"

namespace brine::apache {

namespace {

// Keeps the records of one text together in the error log.
std::mutex records_mutex;

// A forked process must not find the mutex locked by a thread that it does not have. The handlers
// are registered once each time that httpd loads the module; the C library forgets them when the
// module is unloaded.
[[maybe_unused]] const int through_forks = ::pthread_atfork(
    [] { records_mutex.lock(); }, [] { records_mutex.unlock(); }, [] { records_mutex.unlock(); });

template <class Write>
void write_records(std::string_view text, Write write) noexcept {
  try {
    const std::vector<std::string> records = log_records(text);
    const std::lock_guard lock(records_mutex);
    for (const std::string& record : records) {
      write(record.c_str());
    }
  } catch (const std::exception&) {
    write("a log record was lost: no memory");
  }
}

}  // namespace

// httpd passes notices whatever LogLevel says, but its macros would drop them here. So the
// functions behind the macros are called, after a test of the level.
void log(const request_rec* r, base::Level level, std::string_view text) noexcept {
  const int httpd_level = static_cast<int>(level);
  if (level == base::Level::notice || APLOG_R_IS_LEVEL(r, httpd_level)) {
    write_records(text, [&](const char* record) {
      ap_log_rerror_(APLOG_MARK, httpd_level, 0, r, "%s", record);
    });
  }
}

base::Level least_level(const server_rec* server) noexcept {
  return static_cast<base::Level>(
      std::clamp(ap_get_server_module_loglevel(server, APLOG_MODULE_INDEX),
                 static_cast<int>(base::Level::error), static_cast<int>(base::Level::debug)));
}

void ServerLog::log(base::Level level, std::string_view text) noexcept {
  const int httpd_level = static_cast<int>(level);
  if (level == base::Level::notice || APLOG_IS_LEVEL(server_, httpd_level)) {
    write_records(text, [&](const char* record) {
      ap_log_error_(APLOG_MARK, httpd_level, 0, server_, "%s", record);
    });
  }
}

}  // namespace brine::apache

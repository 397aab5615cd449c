#include "apache/log.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "apache/log_json.hpp"
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

// Returns the file that takes JSON; null: httpd writes the record in its own format. httpd's own
// functions would escape JSON's backslashes once more. There is no file for `ErrorLog syslog`, nor
// before httpd has opened its logs.
apr_file_t* json_file(const server_rec* server) noexcept {
  return logs_json(server) ? server->error_log : nullptr;
}

void write_json(apr_file_t* file, LogContext context, std::string_view text) noexcept {
  context.time = apr_time_now();
  context.pid = ::getpid();
  context.tid = ::gettid();
  try {
    const std::vector<std::string> lines = json_lines(context, text);
    const std::lock_guard lock(records_mutex);
    for (const std::string& line : lines) {
      apr_file_write_full(file, line.data(), line.size(), nullptr);
    }
  } catch (const std::exception&) {
    // Memory has run out, and there is nobody to tell.
  }
}

std::string_view text_or_nothing(const char* text) { return text != nullptr ? text : ""; }

// Returns the path of the request line, as the client sent it.
std::string_view path_of(const request_rec* r) {
  const std::string_view uri = text_or_nothing(r->unparsed_uri);
  return uri.substr(0, uri.find('?'));
}

LogContext context_of(const request_rec* r, base::Level level) {
  LogContext context;
  context.level = level;
  context.server = text_or_nothing(r->server->server_hostname);
  context.request_id = text_or_nothing(r->log_id);
  context.client = text_or_nothing(r->useragent_ip);
  context.method = text_or_nothing(r->method);
  context.path = path_of(r);
  return context;
}

}  // namespace

// httpd passes notices whatever LogLevel says, but its macros would drop them here. So the
// functions behind the macros are called, after a test of the level.
void log(const request_rec* r, base::Level level, std::string_view text) noexcept {
  const int httpd_level = static_cast<int>(level);
  if (level <= base::Level::error) note_error(text, text_or_nothing(r->log_id));
  if (level != base::Level::notice && !APLOG_R_IS_LEVEL(r, httpd_level)) {
    return;
  }
  if (apr_file_t* file = json_file(r->server)) {
    write_json(file, context_of(r, level), text);
    return;
  }
  write_records(text, [&](const char* record) {
    ap_log_rerror_(APLOG_MARK, httpd_level, 0, r, "%s", record);
  });
}

base::Level least_level(const server_rec* server) noexcept {
  return static_cast<base::Level>(
      std::clamp(ap_get_server_module_loglevel(server, APLOG_MODULE_INDEX),
                 static_cast<int>(base::Level::error), static_cast<int>(base::Level::debug)));
}

void ServerLog::log(base::Level level, std::string_view text) noexcept {
  const int httpd_level = static_cast<int>(level);
  if (level <= base::Level::error) note_error(text, {});
  if (level != base::Level::notice && !APLOG_IS_LEVEL(server_, httpd_level)) {
    return;
  }
  if (apr_file_t* file = json_file(server_)) {
    LogContext context;
    context.level = level;
    context.server = text_or_nothing(server_->server_hostname);
    write_json(file, context, text);
    return;
  }
  write_records(text, [&](const char* record) {
    ap_log_error_(APLOG_MARK, httpd_level, 0, server_, "%s", record);
  });
}

}  // namespace brine::apache

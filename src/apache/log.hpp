// Writes log records to httpd's error log.
#pragma once

#include <string_view>

#include "apache/httpd.hpp"
#include "boundary/log.hpp"

namespace brine::apache {

/// Returns the least important level that the server's log takes of this module.
base::Level least_level(const server_rec* server) noexcept;

/// Returns true if the server's log is to have JSON (WSGILogFormat). apache/config/settings.cpp
/// defines it, since it knows the directives and needs this log.
bool logs_json(const server_rec* server) noexcept;

/// Keeps an error for whoever looks at the status page; `id` is the request's, or empty.
/// apache/process/events.cpp defines it, since it knows the board.
void note_error(std::string_view text, std::string_view id) noexcept;

/// Logs to the error log of the virtual host that serves `r`. The lines of a text stay together.
void log(const request_rec* r, base::Level level, std::string_view text) noexcept;

/// Logs to the error log of a server.
class ServerLog final : public base::LogSink {
 public:
  explicit ServerLog(const server_rec* server) : server_(server) {}

  void log(base::Level level, std::string_view text) noexcept override;

 private:
  const server_rec* server_;
};

}  // namespace brine::apache

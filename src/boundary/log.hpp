// LogSink is where log records go: an interface, since only src/apache may use httpd's error log.
#pragma once

#include <cstdint>
#include <string_view>

namespace brine::base {

/// httpd's log levels that Brine uses; the values are httpd's own (`APLOG_*`, http_log.h).
enum class Level : std::uint8_t {
  critical = 2,
  error = 3,
  warning = 4,
  /// Shown whatever LogLevel says, like httpd's own start-up notices; used for what an application
  /// prints.
  notice = 5,
  info = 6,
  debug = 7,
};

/// Takes log records. Each line of a text is a record of its own, and the records of a text follow
/// each other. If the text begins with a code ("BRINE0401: ..."), the code is repeated on each
/// record, so that one grep finds the whole event. Any thread may call it, with or without the GIL.
class LogSink {
 public:
  virtual void log(Level level, std::string_view text) noexcept = 0;

 protected:
  ~LogSink() = default;
};

}  // namespace brine::base

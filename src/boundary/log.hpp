// Where log records go: an interface, so that nothing but src/apache knows httpd's error log.
#pragma once

#include <cstdint>
#include <string_view>

namespace brine::base {

/// httpd's log levels that Brine uses; the values are httpd's own (`APLOG_*`, http_log.h).
enum class Level : std::uint8_t {
  error = 3,
  warning = 4,
  /// Shown whatever LogLevel says, as httpd's own start-up notices are: what an application prints.
  notice = 5,
  info = 6,
  debug = 7,
};

/// Takes log records. A text may have several lines: they are written as consecutive records, and
/// a text that opens with a code ("BRINE0401: ...") has that code repeated on each of them, so one
/// grep finds the whole event. Callable from any thread, with or without the GIL.
class LogSink {
 public:
  virtual void log(Level level, std::string_view text) noexcept = 0;

 protected:
  ~LogSink() = default;
};

}  // namespace brine::base

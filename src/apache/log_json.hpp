// Writes records of the error log as JSON, one object a line (WSGILogFormat JSON). Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "boundary/log.hpp"

namespace brine::apache {

/// The facts of a record besides its text. Empty texts are left out.
struct LogContext {
  std::int64_t time = 0;  ///< in µs since the epoch
  base::Level level = base::Level::info;
  int pid = 0;
  int tid = 0;
  std::string_view server;  ///< ServerName of the virtual host
  std::string_view request_id;
  std::string_view client;  ///< address
  std::string_view method;
  std::string_view path;  ///< as the client sent it, without the query
};

/// The text of one object takes this many bytes at most, which an append to a file or a pipe writes
/// as a whole.
inline constexpr std::size_t kLongestJsonMessage = 3000;

/// Returns the lines of a text, which is one event and so one object, or several ("part", "parts")
/// where it is long. Each ends with a newline, and consists of printable ASCII otherwise. The level
/// is Python's name for it; the code ("BRINE0401: ...") is a member of its own.
std::vector<std::string> json_lines(const LogContext& context, std::string_view text,
                                    std::size_t longest = kLongestJsonMessage);

}  // namespace brine::apache

// Words what log lines say of requests.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.hpp"

namespace brine::base {

/// Returns "'GET /path' (id abc)", by which a line in one log is found in another; without an id,
/// "'GET /path'". The URL is to come without its query, which may hold secrets.
std::string request_name(std::string_view method_and_path, std::string_view id);

/// Returns a time as "2.0 s".
std::string in_seconds(Nanos time);

/// A request that has taken longer than WSGISlowRequest allows.
struct SlowRequest {
  std::string name;  ///< request_name(), and where it runs
  Nanos begun = 0;
  Nanos limit = 0;   ///< the directive's time
  Nanos called = 0;  ///< when the application was called; 0: it has not been
  Nanos now = 0;
  bool ended = false;
  std::string_view stack = {};  ///< where it is, innermost call last; may be empty
};

/// Returns the log record that tells of it.
std::string describe(const SlowRequest& request);

}  // namespace brine::base

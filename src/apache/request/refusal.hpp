// Refuses a request: logs a line and returns the status.
#pragma once

#include <string>

#include "apache/log.hpp"
#include "boundary/log.hpp"

namespace brine::apache {

/// Logs `text` as an error of the request and returns `status`.
inline int refuse(const request_rec* r, int status, const std::string& text) {
  log(r, base::Level::error, text);
  return status;
}

}  // namespace brine::apache

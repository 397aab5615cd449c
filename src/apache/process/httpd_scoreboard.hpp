// Shows httpd's scoreboard to Python in httpd's own processes.
#pragma once

#include "boundary/server_metrics.hpp"

namespace brine::apache {

/// Reads the memory that httpd's processes share. Other processes write to it meanwhile, so a score
/// may be of two requests that follow each other.
class HttpdScoreboard final : public wsgi::Scoreboard {
 public:
  wsgi::ServerScore look() const override;
};

}  // namespace brine::apache

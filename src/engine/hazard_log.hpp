// Passes the pickle guard's findings to the error log and to a note of the request.
#pragma once

#include <string>
#include <string_view>

#include "boundary/log.hpp"
#include "boundary/request.hpp"
#include "pickle/scope.hpp"

namespace brine::engine {

/// Logs hazards that this process has not met before.
class HazardLog : public pickle::Listener {
 public:
  explicit HazardLog(base::LogSink& log) noexcept : log_(log) {}
  void found(std::string_view ids, std::string_view text) noexcept override;

 private:
  base::LogSink& log_;
};

/// Also sets a note of the request to the hazards' ids, which an access log shows by
/// `%{wsgi-pickle-hazards}n`.
class HazardNote final : public HazardLog {
 public:
  explicit HazardNote(wsgi::Request& request) noexcept : HazardLog(request), request_(request) {}
  void found(std::string_view ids, std::string_view text) noexcept override;

 private:
  wsgi::Request& request_;
  std::string ids_;  ///< of all dumps and loads of the request so far, each once
};

}  // namespace brine::engine

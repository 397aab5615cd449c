// Where the pickle guard's findings go: the error log, and a note of the request.
#pragma once

#include <string>
#include <string_view>

#include "boundary/log.hpp"
#include "boundary/request.hpp"
#include "pickle/scope.hpp"

namespace brine::engine {

/// Logs hazards that the process has not met before.
class HazardLog : public pickle::Listener {
 public:
  explicit HazardLog(base::LogSink& log) noexcept : log_(log) {}
  void found(std::string_view ids, std::string_view text) noexcept override;

 private:
  base::LogSink& log_;
};

/// The same for a request, which gets a note of the hazards' ids: `%{wsgi-pickle-hazards}n` in an
/// access log.
class HazardNote final : public HazardLog {
 public:
  explicit HazardNote(wsgi::Request& request) noexcept : HazardLog(request), request_(request) {}
  void found(std::string_view ids, std::string_view text) noexcept override;

 private:
  wsgi::Request& request_;
  std::string ids_;  ///< of all dumps and loads of the request so far, each once
};

}  // namespace brine::engine

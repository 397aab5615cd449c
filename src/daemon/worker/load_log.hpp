// LoadLog is the log of a script that a process loads beforehand.
#pragma once

#include <exception>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary/log.hpp"

namespace brine::daemon {

/// Keeps the error records of Brine about a script that is being loaded, since only the supervisor
/// knows whether they are news. Passes all other records on.
class LoadLog final : public base::LogSink {
 public:
  explicit LoadLog(base::LogSink& log) : log_(log) {}

  void log(base::Level level, std::string_view text) noexcept override {
    const bool is_failure = level == base::Level::error && text.starts_with("BRINE");
    if (!is_failure || !keep(text)) log_.log(level, text);
  }

  /// Returns the records that have been kept, and forgets them.
  std::vector<std::string> take() noexcept {
    const std::lock_guard lock(mutex_);
    return std::exchange(errors_, {});
  }

 private:
  bool keep(std::string_view text) noexcept {
    try {
      const std::lock_guard lock(mutex_);
      errors_.emplace_back(text);
      return true;
    } catch (const std::exception&) {  // without memory, the record is logged now
      return false;
    }
  }

  base::LogSink& log_;
  std::mutex mutex_;
  std::vector<std::string> errors_;  // guarded by mutex_
};

}  // namespace brine::daemon

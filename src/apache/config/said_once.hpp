// SaidOnce has each message logged once, however many processes httpd has.
#pragma once

#include <string_view>

#include "base/shared_memory.hpp"

namespace brine::apache {

/// A table, in memory that httpd's processes share, of the messages that have been logged.
class SaidOnce {
 public:
  SaidOnce();

  /// Returns true if the message has not been logged, and notes that it is logged now. Returns
  /// false if the table is full, since files that users write may hold any number of messages.
  bool first(std::string_view what) noexcept;

 private:
  base::SharedMemory memory_;
};

}  // namespace brine::apache

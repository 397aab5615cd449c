// What httpd's processes say once between them, however many there are.
#pragma once

#include <string_view>

#include "base/shared_memory.hpp"

namespace brine::apache {

/// In memory that httpd's processes share: what has been said, and need not be said again.
class SaidOnce {
 public:
  SaidOnce();

  /// Whether nobody has said it yet; from now on somebody has. False too where there is no place
  /// left: files that users write may hold anything.
  bool first(std::string_view what) noexcept;

 private:
  base::SharedMemory memory_;
};

}  // namespace brine::apache

// The ids of the pickle guard's hazards, by which they are counted. What another id a daemon
// process sends, which runs a tenant's code, counts for nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace brine::metrics {

/// The ids of SEVERITIES in python/brine/pickle/_hazards.py; tests/httpd/test_metrics.py compares.
inline constexpr std::array<std::string_view, 16> kHazards = {
    "reload-stale",      "reload-missing",       "naming-script",      "naming-local",
    "naming-main",       "naming-unimportable",  "naming-foreign",     "refuses-pickle",
    "restore-no-module", "restore-no-attribute", "restore-fails",      "restore-signature",
    "restore-differs",   "restore-schema",       "reload-other-class", "not-builtin"};

inline std::optional<std::size_t> hazard_of(std::string_view id) noexcept {
  const auto* found = std::find(kHazards.begin(), kHazards.end(), id);
  if (found == kHazards.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kHazards.begin());
}

}  // namespace brine::metrics

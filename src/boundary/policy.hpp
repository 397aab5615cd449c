// What the pickle guard does about a hazard (directive WSGIPickleGuard). Knows no Python.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace brine::pickle {

enum class Policy : std::uint8_t {
  off,           ///< pickle as it is
  report,        ///< results and exceptions as without the guard; hazards are announced
  enforce,       ///< what holds a hazard is refused
  builtin_only,  ///< what holds anything but values of built-in types is refused
};

/// As they are written in a configuration, in the order of Policy.
inline constexpr std::array<std::string_view, 4> kPolicyNames = {"Off", "Report", "Enforce",
                                                                 "BuiltinOnly"};

constexpr std::string_view policy_name(Policy policy) noexcept {
  return kPolicyNames[static_cast<std::size_t>(policy)];
}

/// The policy of a name, upper and lower case as given above; none if there is no such policy.
constexpr std::optional<Policy> policy_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kPolicyNames.size(); ++i) {
    if (kPolicyNames[i] == name) return static_cast<Policy>(i);
  }
  return std::nullopt;
}

/// Whether a dump with a hazard in it is to fail.
constexpr bool refuses(Policy policy) noexcept {
  return policy == Policy::enforce || policy == Policy::builtin_only;
}

}  // namespace brine::pickle

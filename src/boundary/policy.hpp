// Policy tells what the pickle guard does about a hazard (directive WSGIPickleGuard). Does not use
// Python.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace brine::pickle {

/// The policies of WSGIPickleGuard.
enum class Policy : std::uint8_t {
  off,           ///< pickle works as without the guard
  report,        ///< results and exceptions are pickle's; hazards are reported
  enforce,       ///< a dump with a hazard is refused
  builtin_only,  ///< a dump with anything but values of built-in types is refused
};

/// The names of policies in a configuration, in the order of Policy.
inline constexpr std::array<std::string_view, 4> kPolicyNames = {"Off", "Report", "Enforce",
                                                                 "BuiltinOnly"};

/// Returns the name of a policy in a configuration.
constexpr std::string_view policy_name(Policy policy) noexcept {
  return kPolicyNames[static_cast<std::size_t>(policy)];
}

/// Returns the policy of a name, whose upper and lower case must be as above; nothing if there is
/// none.
constexpr std::optional<Policy> policy_of(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kPolicyNames.size(); ++i) {
    if (kPolicyNames[i] == name) return static_cast<Policy>(i);
  }
  return std::nullopt;
}

/// Returns true if a dump with a hazard has to fail.
constexpr bool refuses(Policy policy) noexcept {
  return policy == Policy::enforce || policy == Policy::builtin_only;
}

}  // namespace brine::pickle

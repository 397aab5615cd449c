// ScriptSettings is what the configuration says of how a script is treated. The value goes from the
// directives with the request, or with a group's list of scripts, to the process that runs the
// script.
#pragma once

#include <concepts>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include "boundary/policy.hpp"

namespace brine::wsgi {

/// The consequence of a change of the script's file.
enum class Reloading : std::uint8_t {
  off,
  in_place,  ///< the script is loaded again into its interpreter
  /// Nothing is run (Outcome::restarting), and a new process loads the new code.
  fresh_process,
  /// The old code serves, Request::script_changed() is called, and a new process loads the new
  /// code.
  rolling,
};

/// Returns true if another process loads new versions of the script, which this one only notices.
constexpr bool by_another_process(Reloading reloading) noexcept {
  return reloading == Reloading::fresh_process || reloading == Reloading::rolling;
}

/// The settings of a script; ScriptSettings{} holds the defaults.
struct ScriptSettings {
  Reloading reloading = Reloading::fresh_process;         ///< WSGIScriptReloading
  bool keep_last_good = true;                             ///< WSGIReloadFailure Keep
  bool registered = false;                                ///< WSGIScriptModules Registered
  pickle::Policy pickle_policy = pickle::Policy::report;  ///< WSGIPickleGuard
  /// WSGIPickleGuard sample=: one in so many dumps is checked by a round trip; 0: none.
  std::uint32_t pickle_sample = 0;
  bool ignore_activity = false;  ///< WSGIIgnoreActivity: requests do not count as activity
  bool logging = false;          ///< WSGILogging

  bool operator==(const ScriptSettings&) const = default;
};
static_assert(std::is_trivially_copyable_v<ScriptSettings>);

/// ScriptSettings or const ScriptSettings.
template <class Value>
concept AnyScriptSettings = std::same_as<std::remove_const_t<Value>, ScriptSettings>;

/// Returns references to all members. This list is the only one: settings are carried, merged and
/// encoded by it. A member that it lacks does not compile.
template <AnyScriptSettings Settings>
constexpr auto members(Settings& settings) {
  auto& [reloading, keep_last_good, registered, pickle_policy, pickle_sample, ignore_activity,
         logging] = settings;
  return std::tie(reloading, keep_last_good, registered, pickle_policy, pickle_sample,
                  ignore_activity, logging);
}

}  // namespace brine::wsgi

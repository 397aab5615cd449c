// Decides whether a request has to load its script. Pure functions.
#pragma once

#include <cstdint>
#include <optional>

#include "base/stamp.hpp"
#include "boundary/script_settings.hpp"

namespace brine::script {

using base::Stamp;
using wsgi::Reloading;

/// The facts of the serving generation that a verdict needs.
struct Loaded {
  Stamp stamp;
  /// False if a later write could still have the same stamp: the file was read within the
  /// granularity of the file clock after its last change, which ctime tells.
  bool settled = true;
};

/// The last failed attempt to load the script.
struct FailedAttempt {
  Stamp stamp;
  std::int64_t at = 0;  ///< file_clock_now() of the attempt
};

/// The way in which a request treats its script.
enum class Verdict : std::uint8_t {
  use,      ///< serve with the loaded generation
  load,     ///< read and execute the file
  changed,  ///< the file has changed, and is not loaded in this process
  compare,  ///< read the file: if its bytes are the running ones, keep its new stamp
};

/// A stamp can be relied on this long after the file's last change, in ns: the kernel's clock tick
/// is 10 ms at most.
inline constexpr std::int64_t kSettleTime = 20'000'000;

/// A broken script that has not changed is tried again after this time, in ns, since what broke it
/// may have been a service that has come back.
inline constexpr std::int64_t kRetryTime = 10'000'000'000;

/// Returns the verdict for a request that found `seen` at the script's path at time `now`.
inline Verdict decide(const std::optional<Loaded>& loaded, const std::optional<Stamp>& seen,
                      const std::optional<FailedAttempt>& failed, Reloading reloading,
                      std::int64_t now) noexcept {
  if (!loaded) return Verdict::load;
  if (reloading == Reloading::off) return Verdict::use;
  if (failed && seen == failed->stamp && now - failed->at < kRetryTime) return Verdict::use;
  if (seen != loaded->stamp) {
    if (seen && differs_in_ctime_alone(*seen, loaded->stamp)) return Verdict::compare;
    return by_another_process(reloading) ? Verdict::changed : Verdict::load;
  }
  if (!loaded->settled && now - loaded->stamp.ctime > kSettleTime) return Verdict::compare;
  return Verdict::use;
}

}  // namespace brine::script

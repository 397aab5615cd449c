// Whether a script has to be loaded for a request: a decision without effects.
#pragma once

#include <cstdint>
#include <optional>

#include "base/stamp.hpp"
#include "boundary/script_settings.hpp"

namespace brine::script {

using base::Stamp;
using wsgi::Reloading;

/// What is known of the generation that serves now.
struct Loaded {
  Stamp stamp;
  /// False while a later write could still bear the same stamp: the file was read within the file
  /// clock's granularity of its last change, which its ctime tells.
  bool settled = true;
};

/// The last attempt that failed.
struct FailedAttempt {
  Stamp stamp;
  std::int64_t at = 0;  ///< file_clock_now() then
};

enum class Verdict : std::uint8_t {
  use,      ///< serve with what is loaded
  load,     ///< read and execute the file
  changed,  ///< what is loaded is no longer what the file holds; it is not loaded here
  compare,  ///< read the file: where its bytes are what runs, its stamp is remembered
};

/// How long after its last change a file's stamp can be relied on, in ns: the kernel's clock tick
/// is 10 ms at the most.
inline constexpr std::int64_t kSettleTime = 20'000'000;

/// How long the last good generation serves before a broken script, unchanged, is tried again, in
/// ns: what broke it may have been a service that has come back.
inline constexpr std::int64_t kRetryTime = 10'000'000'000;

/// The verdict for a request that found `seen` at the script's path, at time `now`.
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

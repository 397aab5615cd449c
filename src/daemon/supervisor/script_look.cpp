#include "daemon/supervisor/script_look.hpp"

#include <signal.h>

#include <cstdlib>
#include <system_error>

#include "base/stamp.hpp"
#include "daemon/supervisor/process.hpp"

namespace brine::daemon {

using base::Nanos;

ScriptLook::ScriptLook(const Group& group) {
  viewer_.switches = group.switches_identity;
  viewer_.uid = group.identity.uid;
  viewer_.gid = group.identity.gid;
  viewer_.supplementary = group.identity.supplementary;
  viewer_.chroot = group.chroot;
}

void ScriptLook::begin(const std::vector<Script>& scripts, Nanos now) {
  if (look_ || now < next_ || (hung_ != 0 && !has_ended(hung_))) return;
  hung_ = 0;
  next_ = now + base::kTick;
  const auto look = [&scripts] {
    base::TenantLook::Texts texts;
    for (const Script& script : scripts) {
      texts.push_back(script.path);
      texts.push_back(std::to_string(base::version_of(script.path)));
    }
    return texts;
  };
  try {
    look_.emplace(viewer_, look, base::Reaper::caller);
  } catch (const std::system_error&) {
    // Processes or descriptors have run out. Others need them more, and log it.
  }
}

std::optional<ScriptVersions> ScriptLook::take(Nanos now) {
  if (!look_ || !look_->is_done(now)) return std::nullopt;
  const pid_t process = look_->process();
  ScriptVersions versions;
  try {
    const base::TenantLook::Texts texts = look_->result();
    for (std::size_t i = 0; i + 1 < texts.size(); i += 2) {
      versions[texts[i]] = std::strtoll(texts[i + 1].c_str(), nullptr, 10);
    }
  } catch (const base::FilesFault&) {
    hung_ = process;
    ::kill(process, SIGKILL);
  }
  look_.reset();
  return versions;
}

}  // namespace brine::daemon

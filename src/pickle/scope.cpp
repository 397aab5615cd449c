#include "pickle/scope.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "pickle/tally.hpp"

namespace brine::pickle {
namespace {

thread_local Scope* scope_of_thread = nullptr;
Listener* process_listener = nullptr;  // written before any other thread runs Python

}  // namespace

bool tell(Listener* listener, const Finding& finding) noexcept {
  try {
    const bool was_told = finding.told.exchange(true);
    if (was_told) process_tally().count_again(finding.id);
    const bool is_new = !was_told && process_tally().count(finding.id, finding.key);
    if (listener != nullptr) listener->found(finding.id, is_new ? finding.text : std::string());
    return is_new;
  } catch (const std::exception&) {
    return false;  // memory has run out
  }
}

HeldFindings::~HeldFindings() {
  for (const Held& held : held_) tell(listener_, *held.finding);
}

void HeldFindings::hold(const FailedObject& failed, std::shared_ptr<const Finding> finding) {
  if (held_.size() >= kMost) {
    tell(listener_, *held_.front().finding);
    held_.erase(held_.begin());
  }
  held_.push_back({failed, std::move(finding)});
}

void HeldFindings::pickled(const FailedObject& done) noexcept {
  const auto is_it = [&](const Held& held) {
    return held.failed.object == done.object && held.failed.type == done.type &&
           held.failed.pickler_type != done.pickler_type;
  };
  held_.erase(std::remove_if(held_.begin(), held_.end(), is_it), held_.end());
}

PolicyScope::PolicyScope(Policy policy, Listener* listener, std::uint32_t sample) noexcept
    : scope_{policy, listener, HeldFindings(listener), sample},
      outer_(std::exchange(scope_of_thread, &scope_)) {}

PolicyScope::~PolicyScope() { scope_of_thread = outer_; }

Scope* current_scope() noexcept { return scope_of_thread; }

void set_process_listener(Listener& listener) noexcept { process_listener = &listener; }

Listener* current_listener() noexcept {
  return scope_of_thread != nullptr ? scope_of_thread->listener : process_listener;
}

}  // namespace brine::pickle

// What of the server the guard knows: the policy of the request that a thread serves, and who is to
// hear of hazards. Knows no Python.
#pragma once

#include <string_view>

#include "boundary/policy.hpp"

namespace brine::pickle {

/// Hears of what the guard finds.
class Listener {
 public:
  /// `ids`: the hazards of one dump or load, separated by commas, each once. `text`: the hazards
  /// that this process has not met before, for the log; empty if it has met them all. Callable with
  /// the GIL held.
  virtual void found(std::string_view ids, std::string_view text) noexcept = 0;

 protected:
  ~Listener() = default;
};

/// What holds for a thread: that of the request which it serves.
struct Scope {
  Policy policy;
  Listener* listener;  ///< null: there is no server
};

/// Makes a scope the calling thread's while it lives.
class PolicyScope {
 public:
  PolicyScope(Policy policy, Listener* listener) noexcept;
  ~PolicyScope();
  PolicyScope(const PolicyScope&) = delete;
  PolicyScope& operator=(const PolicyScope&) = delete;

 private:
  Scope scope_;
  const Scope* outer_;
};

/// The calling thread's innermost scope, or null.
const Scope* current_scope() noexcept;

/// Who hears of what threads find that serve no request. Set once, before Python starts; never in a
/// program of its own, where Python's logging does it.
void set_process_listener(Listener& listener) noexcept;

/// The calling thread's listener, or null.
Listener* current_listener() noexcept;

}  // namespace brine::pickle

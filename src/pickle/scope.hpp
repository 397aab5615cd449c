// Tells the guard what it has to know of the server: the policy of the request that a thread
// serves, and the listener that hears of hazards. Does not use Python.
#pragma once

#include <string_view>

#include "boundary/policy.hpp"

namespace brine::pickle {

/// Hears of the guard's findings.
class Listener {
 public:
  /// Called with the hazards of one dump or load. `ids` has each id once, separated by commas;
  /// `text` describes the hazards that this process has not met before, for the log, and is empty
  /// if it has met them all. May be called with the GIL held.
  virtual void found(std::string_view ids, std::string_view text) noexcept = 0;

 protected:
  ~Listener() = default;
};

/// The policy and listener of the request that a thread serves.
struct Scope {
  Policy policy;
  Listener* listener;  ///< null: there is no server
};

/// Sets the calling thread's scope for the life of this object.
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

/// Returns the calling thread's innermost scope, or null.
const Scope* current_scope() noexcept;

/// Sets the listener of threads that serve no request. Called once, before Python starts; without a
/// server never, and Python's logging is used.
void set_process_listener(Listener& listener) noexcept;

/// Returns the calling thread's listener, or null.
Listener* current_listener() noexcept;

}  // namespace brine::pickle

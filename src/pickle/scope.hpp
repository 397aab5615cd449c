// Tells the guard what it has to know of the server: the policy of the request that a thread
// serves, and the listener that hears of hazards. Does not use Python.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

/// The hazard at which a dump has failed, in words.
struct Finding {
  std::string id;
  std::string key;  ///< the same for all that are told only once
  std::string text;
  mutable std::atomic<bool> told = false;  ///< its key has been counted
};

/// Counts a finding, and tells the listener, unless that is null. Returns true if it is new to this
/// process.
bool tell(Listener* listener, const Finding& finding) noexcept;

/// A dump that has failed. The addresses are compared and never followed.
struct FailedObject {
  const void* object;
  const void* type;
  const void* pickler_type;  ///< null: dumps() or dump()
};

/// Findings of dumps that have failed during a request, kept until it ends: the application may go
/// on to pickle the same object in another way, and then nothing was wrong.
class HeldFindings {
 public:
  explicit HeldFindings(Listener* listener) noexcept : listener_(listener) {}
  ~HeldFindings();
  HeldFindings(const HeldFindings&) = delete;
  HeldFindings& operator=(const HeldFindings&) = delete;

  /// Keeps a finding; when there are many, the oldest is told.
  void hold(const FailedObject& failed, std::shared_ptr<const Finding> finding);

  /// Drops the findings about an object that has been pickled by a Pickler of another class.
  void pickled(const FailedObject& done) noexcept;

  bool empty() const noexcept { return held_.empty(); }

  static constexpr std::size_t kMost = 100;

 private:
  struct Held {
    FailedObject failed;
    std::shared_ptr<const Finding> finding;
  };

  Listener* listener_;
  std::vector<Held> held_;
};

/// The policy and listener of the request that a thread serves.
struct Scope {
  Policy policy;
  Listener* listener;  ///< null: there is no server
  HeldFindings held;
  std::uint32_t sample;  ///< one in so many dumps is checked by a round trip; 0: none
};

/// Sets the calling thread's scope for the life of this object, which tells what was held.
class PolicyScope {
 public:
  PolicyScope(Policy policy, Listener* listener, std::uint32_t sample = 0) noexcept;
  ~PolicyScope();
  PolicyScope(const PolicyScope&) = delete;
  PolicyScope& operator=(const PolicyScope&) = delete;

 private:
  Scope scope_;
  Scope* outer_;
};

/// Returns the calling thread's innermost scope, or null.
Scope* current_scope() noexcept;

/// Sets the listener of threads that serve no request. Called once, before Python starts; without a
/// server never, and Python's logging is used.
void set_process_listener(Listener& listener) noexcept;

/// Returns the calling thread's listener, or null.
Listener* current_listener() noexcept;

}  // namespace brine::pickle

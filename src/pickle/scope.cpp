#include "pickle/scope.hpp"

#include <utility>

namespace brine::pickle {
namespace {

thread_local const Scope* scope_of_thread = nullptr;
Listener* process_listener = nullptr;  // written before any other thread runs Python

}  // namespace

PolicyScope::PolicyScope(Policy policy, Listener* listener) noexcept
    : scope_{policy, listener}, outer_(std::exchange(scope_of_thread, &scope_)) {}

PolicyScope::~PolicyScope() { scope_of_thread = outer_; }

const Scope* current_scope() noexcept { return scope_of_thread; }

void set_process_listener(Listener& listener) noexcept { process_listener = &listener; }

Listener* current_listener() noexcept {
  return scope_of_thread != nullptr ? scope_of_thread->listener : process_listener;
}

}  // namespace brine::pickle

#include "daemon/worker/request_thread.hpp"

#include <system_error>

namespace brine::daemon {

AlternateStack::AlternateStack() : memory_(std::make_unique_for_overwrite<char[]>(kBytes)) {
  stack_t stack{};
  stack.ss_sp = memory_.get();
  stack.ss_size = kBytes;
  ::sigaltstack(&stack, &before_);
}

pthread_t start_request_thread(const Group& group, void* (*run)(void*), void* argument) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  if (group.stack_size != 0) pthread_attr_setstacksize(&attributes, group.stack_size);
  pthread_t thread{};
  const int error = pthread_create(&thread, &attributes, run, argument);
  pthread_attr_destroy(&attributes);
  if (error != 0) throw std::system_error(error, std::generic_category(), "pthread_create");
  return thread;
}

}  // namespace brine::daemon

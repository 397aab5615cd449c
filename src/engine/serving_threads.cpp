#include "engine/serving_threads.hpp"

#include <Python.h>
#include <pthread.h>

#include <utility>

namespace brine::engine {

// Removes a thread's record when the thread ends, since its pthread_t may then be given to another
// thread.
struct ServingThreads::Registration {
  ServingThreads* all = nullptr;
  std::shared_ptr<ServingThread> thread{};
  ~Registration() {
    if (all != nullptr) all->remove(*thread);
  }
};

ServingThread& ServingThreads::own() {
  thread_local Registration registration;
  if (registration.all == nullptr) {
    auto thread = std::make_shared<ServingThread>();
    thread->thread = static_cast<std::uintptr_t>(pthread_self());
    thread->ident = PyThread_get_thread_ident();
    add(thread);
    registration.thread = std::move(thread);
    registration.all = this;
  }
  return *registration.thread;
}

std::shared_ptr<const ServingThread> ServingThreads::find(std::uintptr_t thread) const {
  const std::lock_guard lock(mutex_);
  const auto found = threads_.find(thread);
  return found == threads_.end() ? nullptr : found->second;
}

void ServingThreads::add(std::shared_ptr<ServingThread> thread) {
  const std::lock_guard lock(mutex_);
  threads_[thread->thread] = std::move(thread);
}

void ServingThreads::remove(const ServingThread& thread) noexcept {
  const std::lock_guard lock(mutex_);
  threads_.erase(thread.thread);
}

}  // namespace brine::engine

#include "daemon/worker/python_thread.hpp"

#include <thread>
#include <utility>

namespace brine::daemon {

void PythonThread::start() {
  std::thread([this]() noexcept { work(); }).detach();
}

void PythonThread::ask(std::function<void()> question) {
  const std::lock_guard lock(mutex_);
  questions_.push_back(std::move(question));
  asked_.notify_one();
}

bool PythonThread::idle() const {
  const std::lock_guard lock(mutex_);
  return !busy_ && questions_.empty();
}

void PythonThread::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    busy_ = false;
    asked_.wait(lock, [this] { return !questions_.empty(); });
    busy_ = true;
    const std::function<void()> question = std::move(questions_.front());
    questions_.pop_front();
    lock.unlock();
    question();
    lock.lock();
  }
}

}  // namespace brine::daemon

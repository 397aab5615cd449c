// Hides descriptors of a process from the processes that an application in it forks.
#pragma once

#include <concepts>
#include <mutex>
#include <utility>

#include "base/unique_fd.hpp"

namespace brine::daemon {

/// Has every forked process get an ended pipe in the place of each PrivateFd, so that it can
/// neither read, write nor keep open what belongs to its parent. The same is done with each
/// descriptor for which `is_private` returns true; that is called in the forked process, so it may
/// only do what a signal handler may. Throws std::system_error.
void guard_forks(bool (*is_private)(int fd) noexcept = nullptr);

/// Hides a descriptor that stays open as long as the process lives.
void hide_from_forks(int fd);

/// Ends the calling process if the application has forked it and it has returned from the
/// application.
void end_if_forked() noexcept;

/// Owns a descriptor that is hidden from forked processes.
class PrivateFd {
 public:
  PrivateFd() noexcept = default;
  PrivateFd(base::UniqueFd fd) noexcept : fd_(std::move(fd)) {
    const std::lock_guard lock(no_fork());
    enlist();
  }
  /// Owns what `open` returns. No process is forked during the call.
  template <std::invocable Open>
  explicit PrivateFd(Open open) {
    const std::lock_guard lock(no_fork());
    fd_ = open();
    enlist();
  }
  PrivateFd(PrivateFd&&) noexcept = default;
  PrivateFd& operator=(PrivateFd&&) = delete;
  PrivateFd(const PrivateFd&) = delete;
  PrivateFd& operator=(const PrivateFd&) = delete;
  ~PrivateFd();

  int get() const noexcept { return fd_.get(); }
  explicit operator bool() const noexcept { return static_cast<bool>(fd_); }

 private:
  static std::mutex& no_fork() noexcept;
  void enlist() noexcept;

  base::UniqueFd fd_;
};

}  // namespace brine::daemon

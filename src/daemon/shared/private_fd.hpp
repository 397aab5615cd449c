// Descriptors of a process that are not for the processes which an application in it forks.
#pragma once

#include <concepts>
#include <mutex>
#include <utility>

#include "base/unique_fd.hpp"

namespace brine::daemon {

/// From here on a forked process has an ended pipe in the place of every PrivateFd: it can neither
/// read what is its parent's, nor write, nor keep open what that closes. Likewise in the place of
/// every other descriptor that `is_private` names, which is called in the forked process, where
/// only what a signal handler may do is allowed. Throws std::system_error.
void guard_forks(bool (*is_private)(int fd) noexcept = nullptr);

/// Makes a PrivateFd of a descriptor that stays open as long as the process lives.
void hide_from_forks(int fd);

/// Ends the calling process if the application has forked it, and has come back from it.
void end_if_forked() noexcept;

/// Owns such a descriptor.
class PrivateFd {
 public:
  PrivateFd() noexcept = default;
  PrivateFd(base::UniqueFd fd) noexcept : fd_(std::move(fd)) {
    const std::lock_guard lock(no_fork());
    enlist();
  }
  /// Owns what `open` returns. Nothing is forked meanwhile.
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

// What the processes of a group need of httpd's world; src/apache implements it.
#pragma once

#include <string>

#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/group.hpp"

namespace brine::daemon {

class Host {
 public:
  /// The error log of the server that a group belongs to.
  virtual base::LogSink& log(const Group& group) noexcept = 0;

  /// In a process that has just been forked from httpd's first one: closes what it must not have
  /// (listening sockets), and shows `title` as its name where that is not empty.
  virtual void leave_httpd(const std::string& title) noexcept = 0;

  /// Starts the engine of a group's Python in this process; null: the reason has been logged.
  virtual engine::Engine* start_engine(const Group& group, int crash_fd) noexcept = 0;

 protected:
  ~Host() = default;
};

}  // namespace brine::daemon

// Defines what httpd's scoreboard shows, for mod_wsgi.server_metrics().
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace brine::wsgi {

/// One of httpd's worker threads, or a place for one. Times are in seconds since the epoch, 0 where
/// there was nothing yet.
struct WorkerScore {
  int generation = 0;
  char status = '.';  ///< the letter by which mod_status shows the state
  std::uint64_t access_count = 0;
  std::uint64_t bytes_served = 0;
  double start_time = 0;  ///< of the last request
  double stop_time = 0;
  double last_used = 0;
  std::string client{};
  std::string request{};
  std::string vhost{};
};

/// One of httpd's processes, or a place for one.
struct ProcessScore {
  int pid = 0;
  int generation = 0;
  bool quiescing = false;  ///< it serves its last requests
  std::vector<WorkerScore> workers{};
};

/// All of the scoreboard. Times are as those of WorkerScore.
struct ServerScore {
  int server_limit = 0;
  int thread_limit = 0;
  int running_generation = 0;
  double restart_time = 0;
  double current_time = 0;
  std::vector<ProcessScore> processes{};
};

/// Shows httpd's scoreboard.
class Scoreboard {
 public:
  /// Returns what there is now. Any thread may call it; it does NOT block. Throws std::bad_alloc.
  virtual ServerScore look() const = 0;

 protected:
  ~Scoreboard() = default;
};

}  // namespace brine::wsgi

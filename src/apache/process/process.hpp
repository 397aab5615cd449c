// The server's start, and the engine in each of its processes.
#pragma once

#include <string>

#include "apache/httpd.hpp"
#include "boundary/engine.hpp"

namespace brine::apache {

void register_process_hooks();

/// This process's engine, started now if nothing has started it yet; null if there is none, which
/// has been logged.
engine::Engine* engine();

/// What the Pythons of all processes have in common.
engine::Config shared_engine_config();

/// Starts the Python of `version` (empty: the default one) in this process. Null: the reason has
/// been logged. `log` must outlive the process's last request.
engine::Engine* start_python(const std::string& version, const engine::Config& config,
                             base::LogSink& log);

/// While one lives, the calling thread is in the engine.
class Serving {
 public:
  Serving();
  ~Serving();
  Serving(const Serving&) = delete;
  Serving& operator=(const Serving&) = delete;

 private:
  bool outer_;
};

}  // namespace brine::apache

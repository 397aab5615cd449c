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

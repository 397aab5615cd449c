// Starts the engine in each of httpd's children, and checks the configuration at httpd's start.
#pragma once

#include <string>

#include "apache/httpd.hpp"
#include "boundary/engine.hpp"

namespace brine::apache {

/// Registers the hooks that check Python's home (check_config), finish the configuration
/// (post_config) and start the engine (child_init).
void register_process_hooks();

/// Returns this process's engine, and starts it if that has not been tried. Returns null if there
/// is none, after logging the reason.
engine::Engine* engine();

/// Returns this process's engine, or null if it does not run (yet, or any more). It starts none, so
/// threads that only look at what the engine does use it.
engine::Engine* running_engine() noexcept;

/// Returns the part of the configuration that the Pythons of all processes share.
engine::Config shared_engine_config();

/// Marks the calling thread as being in the engine.
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

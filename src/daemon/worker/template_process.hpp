// The main function of a template: a process that has loaded a group's scripts, serves no request,
// and forks the group's daemon processes (preload=On).
#pragma once

#include "base/clock.hpp"
#include "boundary/engine.hpp"
#include "boundary/log.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/handover.hpp"

namespace brine::daemon {

/// Starts Python in a template. The process has one thread. Throws as start_process() does.
engine::Engine& start_template(const Handover& handover, base::LogSink& log);

/// The things that a forked process has from its template.
struct Forked {
  Handover handover;            ///< its own
  ScriptVersions scripts = {};  ///< those that the template has loaded for all
};

/// Loads the scripts, and forks a process for each order of the supervisor until that ends this
/// process. Returns in each forked process: its descriptors are those of handover.hpp then. `title`
/// is the program's argv[0], which shows what it is, and `began` is when the template did. Throws
/// std::system_error.
Forked run_template(const Handover& handover, engine::Engine& engine, base::LogSink& log,
                    char* title, base::Nanos began);

}  // namespace brine::daemon

// Tells of events in processes' lives: on the board, and in the log that WSGIEventLog names.
#pragma once

#include "metrics/life_event.hpp"

namespace brine::apache {

/// Tells of an event. The time is set here.
void tell_event(metrics::LifeEvent event) noexcept;

/// Returns an event of this process, which is one of httpd's own.
metrics::LifeEvent own_event(metrics::ProcessEvent event);

void register_event_hooks();

}  // namespace brine::apache

// Tells load balancers whether daemon process groups can serve: the handler brine-health.
#pragma once

namespace brine::apache {

/// Registers the handler.
void register_health_handler();

}  // namespace brine::apache

// Answers requests for the server's own numbers: the handler brine-status.
#pragma once

namespace brine::apache {

/// Registers the handler.
void register_status_handler();

}  // namespace brine::apache

// The content handler takes httpd's request to the engine or a daemon process, and turns the
// outcome into a status.
#pragma once

namespace brine::apache {

/// Registers the content handler (hook handler).
void register_handler_hooks();

}  // namespace brine::apache

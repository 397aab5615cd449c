// The content handler: from httpd's request to the engine, and from the outcome to a status.
#pragma once

namespace brine::apache {

void register_handler_hooks();

}  // namespace brine::apache

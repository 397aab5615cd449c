// Shows the daemon process groups on httpd's status page (mod_status).
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

/// Registers mod_status's hook (status_hook).
void register_status_hooks();

}  // namespace brine::apache

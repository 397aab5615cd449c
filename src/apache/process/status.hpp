// Shows the daemon process groups on httpd's status page (mod_status).
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

void register_status_hooks();

}  // namespace brine::apache

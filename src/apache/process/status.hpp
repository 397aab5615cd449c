// What httpd's status page (mod_status) shows of the daemon process groups.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

void register_status_hooks();

}  // namespace brine::apache

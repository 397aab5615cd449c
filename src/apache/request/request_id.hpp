// Gives each request the one id that httpd's logs, applications and Brine's own lines have: httpd's
// log id (%L), which is mod_unique_id's where that is loaded, or what a trusted proxy says.
#pragma once

namespace brine::apache {

void register_request_id_hooks();

}  // namespace brine::apache

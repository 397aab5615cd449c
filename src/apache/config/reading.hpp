// Tells for what purpose httpd reads its configuration.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

/// Returns true for `httpd -t`: a person reads its messages, and nothing is started.
inline bool is_configuration_test() {
  return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

/// Returns true in the last reading of the configuration, in which warnings are logged: httpd reads
/// it twice when it starts.
inline bool is_last_reading() {
  return ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG || is_configuration_test();
}

}  // namespace brine::apache

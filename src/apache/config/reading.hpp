// What httpd reads its configuration for.
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

/// `httpd -t`: a person looks at what it says, and nothing is started.
inline bool is_configuration_test() {
  return ap_state_query(AP_SQ_RUN_MODE) == AP_SQ_RM_CONFIG_TEST;
}

/// httpd reads its configuration twice when it starts. A warning is said with the second reading,
/// or when there is none.
inline bool is_last_reading() {
  return ap_state_query(AP_SQ_MAIN_STATE) != AP_SQ_MS_CREATE_PRE_CONFIG || is_configuration_test();
}

}  // namespace brine::apache

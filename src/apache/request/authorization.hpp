// Registers `Require wsgi-group NAME ...` (WSGIAuthGroupScript).
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

void register_authorization(apr_pool_t* pool);

}  // namespace brine::apache

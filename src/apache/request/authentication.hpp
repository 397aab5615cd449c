// Registers the provider "wsgi" of AuthBasicProvider and AuthDigestProvider (WSGIAuthUserScript).
#pragma once

#include "apache/httpd.hpp"

namespace brine::apache {

void register_authentication(apr_pool_t* pool);

}  // namespace brine::apache

// WSGITrustedProxies and WSGITrustedProxyHeaders at work: httpd's own client address follows what
// trusted proxies say, as with mod_remoteip, so that its log and its access control agree with
// what applications are told.
#pragma once

#include <string_view>

#include "apache/httpd.hpp"
#include "boundary/request.hpp"

namespace brine::apache {

/// Puts into `head` what trusted proxies say of `r`, and takes out of it the fields that nobody
/// vouches for. Does nothing where no directive asks for it. `head` is otherwise complete.
void apply_forwarded(request_rec* r, wsgi::Head& head);

void register_client_address_hooks();

}  // namespace brine::apache

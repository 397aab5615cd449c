// Implements WSGITrustedProxies and WSGITrustedProxyHeaders: httpd's own client address follows
// what trusted proxies say, as with mod_remoteip, so that its log and its access control agree with
// what applications are told.
#pragma once

#include <string_view>

#include "apache/config/proxy_headers.hpp"
#include "apache/httpd.hpp"
#include "boundary/request.hpp"

namespace brine::apache {

/// Adds what trusted proxies say of `r` to `head`, which is otherwise complete, and removes the
/// fields that no trusted proxy vouches for. Does nothing if no directive asks for it.
void apply_forwarded(request_rec* r, wsgi::Head& head);

/// Returns true if the peer of the request's connection is one of these proxies.
bool is_sent_by(const request_rec* r, const TrustedProxies& proxies);

void register_client_address_hooks();

}  // namespace brine::apache

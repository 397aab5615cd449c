// Tells where WSGIPassApacheRequest passes nothing.
#pragma once

namespace brine::apache {

void register_request_rec_hooks();

}  // namespace brine::apache

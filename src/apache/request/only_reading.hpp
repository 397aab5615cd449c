// Handlers that answer GET and HEAD alone say so to other methods.
#pragma once

#include <mod_core.h>

#include <optional>

#include "apache/httpd.hpp"

namespace brine::apache {

/// Returns what a handler is to return for another method than GET and HEAD, having set what the
/// field Allow will say; nothing for these two.
inline std::optional<int> answer_to_other_methods(request_rec* r) {
  ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, M_OPTIONS, -1);
  if (r->method_number == M_GET) return std::nullopt;
  return r->method_number == M_OPTIONS ? ap_send_http_options(r) : HTTP_METHOD_NOT_ALLOWED;
}

}  // namespace brine::apache

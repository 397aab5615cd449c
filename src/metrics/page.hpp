// The page that shows the server's numbers to people: page.html, which asks for JSON every two
// seconds and draws itself.
#pragma once

#include <string_view>

namespace brine::metrics {

/// Returns the page. It loads nothing from elsewhere, so the browser may be told to refuse all
/// else: kPagePolicy is its Content-Security-Policy.
std::string_view status_page() noexcept;

inline constexpr const char* kPagePolicy =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace brine::metrics

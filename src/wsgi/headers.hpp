// The rules of header fields and status lines. Pure functions over text.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace brine::wsgi {

/// The request fields that browsers, programs and proxies send, as far as they become environ keys.
inline constexpr auto kCommonFields = std::to_array<std::string_view>({
    "Accept",
    "Accept-Charset",
    "Accept-Encoding",
    "Accept-Language",
    "Access-Control-Request-Headers",
    "Access-Control-Request-Method",
    "Authorization",
    "Cache-Control",
    "CF-Connecting-IP",
    "CF-IPCountry",
    "CF-Ray",
    "CF-Visitor",
    "Connection",
    "Content-Encoding",
    "Cookie",
    "Date",
    "Depth",
    "Destination",
    "DNT",
    "Expect",
    "Forwarded",
    "From",
    "Host",
    "HTTP2-Settings",
    "If-Match",
    "If-Modified-Since",
    "If-None-Match",
    "If-Range",
    "If-Unmodified-Since",
    "Keep-Alive",
    "Max-Forwards",
    "Origin",
    "Overwrite",
    "Pragma",
    "Priority",
    "Range",
    "Referer",
    "Save-Data",
    "Sec-CH-UA",
    "Sec-CH-UA-Mobile",
    "Sec-CH-UA-Platform",
    "Sec-Fetch-Dest",
    "Sec-Fetch-Mode",
    "Sec-Fetch-Site",
    "Sec-Fetch-User",
    "Sec-GPC",
    "Sec-WebSocket-Extensions",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Protocol",
    "Sec-WebSocket-Version",
    "TE",
    "Traceparent",
    "Tracestate",
    "Trailer",
    "Transfer-Encoding",
    "Upgrade",
    "Upgrade-Insecure-Requests",
    "User-Agent",
    "Via",
    "X-API-Key",
    "X-Correlation-ID",
    "X-CSRF-Token",
    "X-CSRFToken",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Port",
    "X-Forwarded-Proto",
    "X-Forwarded-Server",
    "X-HTTP-Method-Override",
    "X-Real-IP",
    "X-Request-ID",
    "X-Requested-With",
    "X-Scheme",
});

/// Returns the environ key of a request header field ("User-Agent" -> "HTTP_USER_AGENT"), or
/// nothing if the field must not reach the application. A name with characters other than letters,
/// digits and '-' could stand for another one ("X_Forwarded_For"). "Proxy" would become HTTP_PROXY,
/// which programs take for their own setting (httpoxy). Content-Type and Content-Length are CGI
/// variables and have no key here.
std::optional<std::string> environ_name(std::string_view header);

/// Returns what is wrong with a status line, as the text of an exception, or an empty text. PEP
/// 3333 wants "a status string of the form '999 Message here'". 1xx is refused, since an
/// application cannot send an interim response through start_response.
std::string bad_status(std::string_view status);

/// Returns what is wrong with a response header field, as the text of an exception, or an empty
/// text. Refused are an empty name, a name with blanks, control or separator characters (RFC 9110,
/// token), a value with CR, LF or NUL, and Transfer-Encoding, by which the client and the server
/// would see the body end at different places.
std::string bad_header(std::string_view name, std::string_view value);

/// Returns true if a response header field is hop-by-hop, so that the server sets it and not the
/// application (PEP 3333, "Other HTTP Features"; RFC 9110, 7.6.1).
bool is_hop_by_hop(std::string_view name) noexcept;

/// Returns true if the value of a Connection field makes the field `name` hop-by-hop too (RFC 9110,
/// 7.6.1). Never true for Content-Length, which tells where the body ends.
bool names_option(std::string_view connection, std::string_view name) noexcept;

/// Returns true if two field names are the same, with ASCII letters in either case.
bool same_name(std::string_view a, std::string_view b) noexcept;

/// Returns the number in a Content-Length value, or nothing if it is not all digits.
std::optional<std::int64_t> parse_content_length(std::string_view value) noexcept;

/// Returns a text for a message: control characters and non-ASCII bytes become \xNN, and it is cut
/// after 100 bytes.
std::string shown(std::string_view text);

}  // namespace brine::wsgi

// Reads the id of a request out of a header field that a proxy has set. Pure.
#pragma once

#include <cstddef>
#include <string_view>

namespace brine::apache {

/// A longer id is not taken: daemon processes keep it in a place of this size.
inline constexpr std::size_t kMostRequestIdBytes = 64;

/// Returns the id that the field `name` says: of `traceparent` (W3C Trace Context) the trace-id, of
/// any other field the whole value. Returns an empty view where there is none, or where it is not
/// made of 1 to 64 letters, digits and "-._:/+=@~": an id stands in logs, among other words.
std::string_view request_id_in(std::string_view name, std::string_view value);

}  // namespace brine::apache

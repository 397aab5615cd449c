// Decides how much of a request's body is read before the application is called. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "apache/config/arguments.hpp"

namespace brine::apache {

/// The facts of a body that are known before it is read.
struct BodyFacts {
  std::int64_t length = -1;     ///< Content-Length, or -1
  bool without_length = false;  ///< there is a body, and the client does not tell its length
  bool kept = false;            ///< another module has read the body, and returns it again
  bool filtered = false;        ///< an input filter may change its length
  bool error_page = false;      ///< the request is for an ErrorDocument
};

/// At most this much of a body is kept in memory.
inline constexpr std::int64_t kBodyStart = 65536;
inline constexpr std::int64_t kWholeBody = std::numeric_limits<std::int64_t>::max();

/// The plan for a request's body.
struct BodyPlan {
  /// The number of bytes to read, or fewer if the body ends before; 0: none, the application reads
  /// them.
  std::int64_t first = 0;
  /// After the first bytes it is known whether a filter changes the length; if so, the whole body
  /// is read.
  bool filtered = false;
  bool has_body = true;
  /// True if environ has the length that was found.
  bool tell_length = true;
};

/// Returns the plan for a body. `buffering` is WSGIRequestBuffering, 0 for Off. The start of a body
/// is always read here, since an application's thread costs more than httpd's and must not wait for
/// a client's first bytes.
constexpr BodyPlan plan_body(const BodyFacts& facts, ChunkedRequest chunked,
                             std::int64_t buffering) {
  const bool unknown = facts.without_length || (facts.kept && facts.length < 0);
  if (!unknown && facts.length <= 0) return {.has_body = false};
  // The body was read, or could not be, when the page was first asked for.
  if (facts.error_page) return {.tell_length = false};
  const bool stream = chunked == ChunkedRequest::stream;
  if (unknown && stream) {
    // Client and application may talk at the same time, so what has arrived is passed on.
    return {.first = std::max<std::int64_t>(buffering, 1), .tell_length = false};
  }
  if (unknown) return {.first = kWholeBody};
  const std::int64_t start = std::max(buffering, kBodyStart);
  if (facts.filtered) return {.first = start, .filtered = !stream, .tell_length = !stream};
  return {.first = std::min(facts.length, start)};
}

}  // namespace brine::apache

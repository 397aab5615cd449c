// How much of a request's body is read before the application is asked. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "apache/config/arguments.hpp"

namespace brine::apache {

/// What is known of a body before anything of it is read.
struct BodyFacts {
  std::int64_t length = -1;     ///< Content-Length, or -1
  bool without_length = false;  ///< there is one, and the client does not say how long it is
  bool kept = false;            ///< another module has read it, and gives it once more
  bool filtered = false;        ///< an input filter may change its length
  bool error_page = false;      ///< the request is for an ErrorDocument
};

/// The first of it, or what is left in memory of it.
inline constexpr std::int64_t kBodyStart = 65536;
inline constexpr std::int64_t kWholeBody = std::numeric_limits<std::int64_t>::max();

struct BodyPlan {
  /// So many bytes, or all if it has less; 0: none, the application reads them.
  std::int64_t first = 0;
  /// As soon as something has come, it can be told whether a filter changes the length: if so, all
  /// of it is read.
  bool filtered = false;
  bool has_body = true;
  /// environ gets the length as it has been found out.
  bool tell_length = true;
};

/// `buffering`: WSGIRequestBuffering, 0 for Off. An application's thread costs more than httpd's:
/// it is not to wait for a client to send its first bytes.
constexpr BodyPlan plan_body(const BodyFacts& facts, ChunkedRequest chunked,
                             std::int64_t buffering) {
  const bool unknown = facts.without_length || (facts.kept && facts.length < 0);
  if (!unknown && facts.length <= 0) return {.has_body = false};
  // It has been read, or could not be, when the page was first asked for.
  if (facts.error_page) return {.tell_length = false};
  const bool stream = chunked == ChunkedRequest::stream;
  if (unknown && stream) {
    // Both sides may talk at the same time: what has come is passed on.
    return {.first = std::max<std::int64_t>(buffering, 1), .tell_length = false};
  }
  if (unknown) return {.first = kWholeBody};
  const std::int64_t start = std::max(buffering, kBodyStart);
  if (facts.filtered) return {.first = start, .filtered = !stream, .tell_length = !stream};
  return {.first = std::min(facts.length, start)};
}

}  // namespace brine::apache

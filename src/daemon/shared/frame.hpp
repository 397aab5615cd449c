// What travels between httpd's processes and a group's: frames with a fixed header. Pure: bytes to
// values and back. Both ends are always of the same build and machine, so numbers are native.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "boundary/request.hpp"

namespace brine::daemon {

enum class FrameKind : std::uint8_t {
  // from httpd
  /// value: until when it may be taken up (base::Nanos; 0: always), so that httpd can take it back
  /// once that is over; payload: encode_request(), then the body's start
  request,
  data,  ///< a piece of the request's body; aux: wsgi::ReadStatus; flags end, more
  // from the daemon process
  want,     ///< value: so many bytes of the request's body, at most, are wanted
  head,     ///< aux: status; payload: encode_head(), then body; flags end, done
  body,     ///< payload: a piece of the response's body; flag end
  file,     ///< a piece of a file: payload: FilePiece; with it a descriptor (SCM_RIGHTS); flag end
  abort,    ///< the response breaks off here
  log,      ///< aux: base::Level; payload: text
  note,     ///< payload: name, NUL, value
  refused,  ///< it was taken up too late (see request) and has not been run
  done,     ///< aux: wsgi::Outcome; the last frame of every exchange
  count_,
};

struct FrameHeader {
  std::uint32_t size = 0;  ///< of the payload, in bytes
  FrameKind kind = FrameKind::done;
  std::uint8_t flags = 0;
  std::uint16_t aux = 0;
  std::uint64_t value = 0;
};
static_assert(sizeof(FrameHeader) == 16);

/// The body ends with this frame.
inline constexpr std::uint8_t kEnd = 1;
/// In a `head`: no `done` follows, the outcome is `completed`.
inline constexpr std::uint8_t kDone = 2;
/// In a `request`: the script is served as it is loaded, although its file has changed.
inline constexpr std::uint8_t kKeepCode = 4;
/// In a `want`: all of them, unless the body ends before, in as many frames as it takes.
inline constexpr std::uint8_t kAll = 8;
/// In a `data`: another one follows of what was asked for.
inline constexpr std::uint8_t kMore = 16;

/// A log record, or a note, that is larger does not travel over a connection.
inline constexpr std::uint32_t kMostLogText = 16384;
inline constexpr std::uint32_t kMostNoteBytes = 16384;

/// A request's frame is refused beyond this size: something else is writing here.
inline constexpr std::uint32_t kMostRequestBytes = 64 << 20;

struct FilePiece {
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

/// A request as it travels. Views point into the frame's bytes; each is followed by a NUL.
struct RequestFrame {
  wsgi::Head head;
  wsgi::Target target;
  std::vector<wsgi::Field> fields;  ///< what head.headers and head.extra show
};

/// The payload for a request, without its body_start, which is sent behind it.
void encode_request(const wsgi::Head& head, const wsgi::Target& target, std::vector<char>& out);

/// Reads what encode_request() wrote, and the body behind it. False: it is malformed.
bool decode_request(std::span<const char> payload, RequestFrame& frame);

/// The payload that precedes the body in a `head`.
void encode_head(std::string_view status_line, std::span<const wsgi::Field> headers,
                 std::vector<char>& out);

struct ResponseHead {
  std::string_view status_line;
  std::vector<wsgi::Field> headers;
  std::size_t size = 0;  ///< bytes before the body
};

/// The part of a `head` that precedes the body, as its first kExtentBytes tell it.
struct HeadExtent {
  std::size_t bytes = 0;
  std::uint32_t fields = 0;
};
inline constexpr std::size_t kExtentBytes = 8;

/// Nothing if `payload` is too short to tell.
std::optional<HeadExtent> head_extent(std::span<const char> payload);

/// Reads what encode_head() wrote. False: it is malformed.
bool decode_head(std::span<const char> payload, ResponseHead& head);

}  // namespace brine::daemon

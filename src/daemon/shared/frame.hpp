// The frames that httpd's children and daemon processes exchange over connections, each with a
// fixed header. Both ends are of the same build and machine, so numbers are native. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "boundary/request.hpp"

namespace brine::daemon {

/// The kind of a frame, which decides what its `value`, `aux`, flags and payload mean.
enum class FrameKind : std::uint8_t {
  // Frames from httpd. `request` has in value: until when a process may take the request up
  // (base::Nanos; 0: always), so that httpd can take it back after that time. payload:
  // encode_request(), then the body's start.
  request,
  data,  ///< a piece of the request's body; aux: wsgi::ReadStatus; flags end, more
  // Frames from the daemon process:
  want,  ///< value: how many bytes of the request's body are wanted at most
  // `head` and `done` have in value: when the application was called (base::Nanos; 0: it was not).
  head,     ///< aux: status; payload: encode_head(), then body; flags end, done
  body,     ///< payload: a piece of the response's body; flag end
  file,     ///< a piece of a file: payload: FilePiece; with it a descriptor (SCM_RIGHTS); flag end
  abort,    ///< the response breaks off here, incomplete
  log,      ///< aux: base::Level; payload: text
  note,     ///< payload: name, NUL, value
  refused,  ///< the request came too late (see `request`) and has not been run
  done,     ///< aux: wsgi::Outcome; the last frame of an exchange
  answer,  ///< to a question: payload: wsgi::Answer; the last frame too, the outcome is `completed`
  lookup,  ///< payload: the name of a variable of mod_ssl's, whose value is wanted
  // A frame from httpd, in answer to `lookup`.
  value,  ///< payload: that value; flag end: there is none
  // A frame from the daemon process:
  facts,  ///< payload: wsgi::RunFacts
  count_,
};

/// The header of a frame, in native byte order; `size` bytes of payload follow it.
struct FrameHeader {
  std::uint32_t size = 0;  ///< of the payload, in bytes
  FrameKind kind = FrameKind::done;
  std::uint8_t flags = 0;
  std::uint16_t aux = 0;
  std::uint64_t value = 0;
};
static_assert(sizeof(FrameHeader) == 16);

/// Set if the body ends with this frame.
inline constexpr std::uint8_t kEnd = 1;
/// Set in a `head` if no `done` follows: the outcome is `completed`.
inline constexpr std::uint8_t kDone = 2;
/// Set in a `request` if the script is to serve as it is loaded, although its file has changed.
inline constexpr std::uint8_t kKeepCode = 4;
/// Set in a `want` if all wanted bytes are to be sent, in as many frames as that takes.
inline constexpr std::uint8_t kAll = 8;
/// Set in a `data` if another frame of the wanted bytes follows.
inline constexpr std::uint8_t kMore = 16;

/// Larger log records and notes are not sent over a connection.
inline constexpr std::uint32_t kMostLogText = 16384;
inline constexpr std::uint32_t kMostNoteBytes = 16384;

/// Larger answers to questions, names of variables and values are not sent either.
inline constexpr std::uint32_t kMostAnswerBytes = 16384;
inline constexpr std::uint32_t kMostNameBytes = 256;
inline constexpr std::uint32_t kMostValueBytes = 65536;

/// A request's process may ask for this many variables of mod_ssl's, which has some hundred.
inline constexpr unsigned kMostLookups = 1000;

/// A larger request frame is refused, since httpd's side never writes one.
inline constexpr std::uint32_t kMostRequestBytes = 64 << 20;

/// A part of a file: payload of a `file` frame.
struct FilePiece {
  std::int64_t offset = 0;
  std::int64_t length = 0;
};

/// A decoded request. Its views point into the frame's bytes; a NUL follows each.
struct RequestFrame {
  wsgi::Head head;
  wsgi::Target target;
  std::vector<wsgi::Field> fields;  ///< what head.headers and head.extra refer to
};

/// Appends the payload of a request, except for body_start, which is sent behind it.
void encode_request(const wsgi::Head& head, const wsgi::Target& target, std::vector<char>& out);

/// Decodes what encode_request() wrote, and the body behind it. Returns false if it is malformed.
bool decode_request(std::span<const char> payload, RequestFrame& frame);

/// Appends the part of a `head` that precedes the body.
void encode_head(std::string_view status_line, std::span<const wsgi::Field> headers,
                 std::vector<char>& out);

/// A decoded head. Its views point into the frame's bytes.
struct ResponseHead {
  std::string_view status_line;
  std::vector<wsgi::Field> headers;
  std::size_t size = 0;  ///< bytes before the body
};

/// The size of a head and its number of fields, as the first kExtentBytes of its payload tell them.
struct HeadExtent {
  std::size_t bytes = 0;
  std::uint32_t fields = 0;
};
inline constexpr std::size_t kExtentBytes = 8;

/// Returns nothing if `payload` is too short.
std::optional<HeadExtent> head_extent(std::span<const char> payload);

/// Decodes what encode_head() wrote. Returns false if it is malformed.
bool decode_head(std::span<const char> payload, ResponseHead& head);

}  // namespace brine::daemon

#include "daemon/client/response_check.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "wsgi/answer.hpp"
#include "wsgi/headers.hpp"
#include "wsgi/replacement.hpp"

namespace brine::daemon {

using wsgi::Outcome;

namespace {

// A process may ask this often for more of the request's body after its end, since it may not have
// read of the end yet.
constexpr unsigned kMostLateWants = 16;

// A process sends its note again with each new hazard of the request, at most this often.
constexpr unsigned kMostNotes = 1000;

// The permitted contents of a kind of frame; no daemon process sends a kind without a row.
struct Shape {
  bool is_answer = false;
  std::uint8_t flags = 0;
  std::uint32_t least_bytes = 0;
  std::uint32_t most_bytes = 0;
};

constexpr Shape shape_of(FrameKind kind) {
  switch (kind) {
    case FrameKind::want:
      return {true, kAll, 0, 0};
    case FrameKind::head:
      return {true, kEnd | kDone, 0, UINT32_MAX};
    case FrameKind::body:
      return {true, kEnd, 0, UINT32_MAX};
    case FrameKind::file:
      return {true, kEnd, sizeof(FilePiece), sizeof(FilePiece)};
    case FrameKind::abort:
    case FrameKind::refused:
    case FrameKind::done:
      return {true, 0, 0, 0};
    case FrameKind::log:
      return {true, 0, 0, kMostLogText};
    case FrameKind::note:
      return {true, 0, 0, kMostNoteBytes};
    case FrameKind::answer:
      return {true, 0, 1, kMostAnswerBytes};
    case FrameKind::lookup:
      return {true, 0, 1, kMostNameBytes};
    case FrameKind::facts:
      return {true, 0, sizeof(wsgi::RunFacts), sizeof(wsgi::RunFacts)};
    case FrameKind::request:
    case FrameKind::data:
    case FrameKind::value:
    case FrameKind::count_:
      break;
  }
  return {};
}

bool is_level(std::uint16_t level) {
  return level >= static_cast<std::uint16_t>(base::Level::critical) &&
         level <= static_cast<std::uint16_t>(base::Level::debug);
}

std::string wrong_shape(const FrameHeader& header) {
  const Shape shape = shape_of(header.kind);
  if (!shape.is_answer) {
    return "a frame of kind " + std::to_string(static_cast<unsigned>(header.kind)) +
           ", which is none of an answer";
  }
  if ((header.flags & ~shape.flags) != 0) return "a frame with flags that its kind does not have";
  if (header.size < shape.least_bytes || header.size > shape.most_bytes) {
    return "a frame of kind " + std::to_string(static_cast<unsigned>(header.kind)) + " with " +
           std::to_string(header.size) + " bytes";
  }
  return "";
}

}  // namespace

std::string ResponseCheck::frame(const FrameHeader& header, base::Nanos now) {
  const bool first = !begun_;
  begun_ = true;
  if (std::string wrong = wrong_shape(header); !wrong.empty()) return wrong;
  if (std::string wrong = misplaced(header.kind); !wrong.empty()) return wrong;
  const bool end = (header.flags & kEnd) != 0;
  switch (header.kind) {
    case FrameKind::want:
      return want();
    case FrameKind::head:
      if (headed_) return "a second head";
      if ((header.flags & kDone) != 0 && !end) return "the outcome before the end of the body";
      headed_ = true;
      return "";
    case FrameKind::body:
      if (!is_open()) return headed_ ? "a body after the response's end" : "a body before the head";
      if (filed_) return "a body behind a file";
      if (header.size == 0 && !end) return "a block of the body without a byte";
      return add(header.size, end);
    case FrameKind::file:
      if (!is_open()) return headed_ ? "a file after the response's end" : "a file before the head";
      if (filed_ || sent_ != 0) return "a file behind a part of the body";
      return "";
    case FrameKind::abort:
      if (!is_open()) return "the abort of a response that is not on its way";
      aborted_ = true;
      return "";
    case FrameKind::log:
      return is_level(header.aux) ? "" : "a log record of no known level";
    case FrameKind::note:
      return ++notes_ > kMostNotes ? "more than 1000 notes" : "";
    case FrameKind::refused:
      if (!first) return "the refusal of a request that it has begun with";
      if (asked_.take_until == 0 || now < asked_.take_until) return "a refusal before its time";
      return "";
    case FrameKind::done:
      return done(header.aux);
    case FrameKind::answer:
      return "";
    case FrameKind::lookup:
      return ++lookups_ > kMostLookups ? "more than 1000 questions for mod_ssl's variables" : "";
    case FrameKind::facts:
      return std::exchange(measured_, true) ? "facts for the second time" : "";
    case FrameKind::request:
    case FrameKind::data:
    case FrameKind::value:
    case FrameKind::count_:
      break;
  }
  return "a frame of no known kind";
}

// A question is answered, and a request that is to be served gets a response.
std::string ResponseCheck::misplaced(FrameKind kind) const {
  const bool is_of_response = kind == FrameKind::want || kind == FrameKind::head ||
                              kind == FrameKind::body || kind == FrameKind::file ||
                              kind == FrameKind::abort;
  const bool is_question = asked_.call != wsgi::Call::application;
  if (is_question && is_of_response) return "a part of a response in answer to a question";
  return !is_question && kind == FrameKind::answer ? "the answer to a question that was not asked"
                                                   : "";
}

std::string ResponseCheck::answer(const wsgi::Answer& answer) const {
  const std::string wrong = wsgi::wrong_answer(asked_.call, answer);
  return wrong.empty() ? "" : "the answer to a question that is " + wrong;
}

std::string ResponseCheck::want() {
  wanted_ = true;
  if (!input_ended_ || ++late_wants_ <= kMostLateWants) return "";
  return "demands for the request's body without end";
}

std::string ResponseCheck::done(std::uint16_t outcome) const {
  if (outcome > static_cast<std::uint16_t>(Outcome::process_died)) return "an unknown outcome";
  switch (static_cast<Outcome>(outcome)) {
    case Outcome::completed:
      return ended_ ? "" : "the outcome 'completed' of a response that has not ended";
    case Outcome::client_aborted:
    case Outcome::failed_after_headers:
    case Outcome::timed_out:
      return "";
    case Outcome::failed_before_headers:
    case Outcome::no_application:
    case Outcome::forbidden:
    case Outcome::rejected:
    case Outcome::script_failed:
      return headed_ ? "the outcome of a request without response, after a head" : "";
    case Outcome::restarting:
      if (headed_ || wanted_) return "a request for new code after the request was begun";
      return asked_.may_restart ? "" : "a request for new code that nobody has offered";
    case Outcome::not_ready:
    case Outcome::overfull:
    case Outcome::process_died:
      break;
  }
  return "an outcome that is not a process's to give";
}

std::string ResponseCheck::extent(const FrameHeader& header,
                                  const std::optional<HeadExtent>& extent) {
  if (!extent) return "a head that breaks off";
  if (extent->bytes > kMostHeadBytes) {
    return "a response's head of " + std::to_string(extent->bytes) + " bytes, where " +
           std::to_string(kMostHeadBytes) + " are the most";
  }
  if (extent->bytes > header.size) return "a head that is longer than its frame";
  if (extent->fields > kMostFields) {
    return "a response's head of " + std::to_string(extent->fields) + " header fields, where " +
           std::to_string(kMostFields) + " are the most";
  }
  return "";
}

std::string ResponseCheck::head(const FrameHeader& header, const ResponseHead& head) {
  if (std::string wrong = wsgi::bad_status(head.status_line); !wrong.empty()) return wrong;
  const std::string_view code = head.status_line.substr(0, 3);
  if (code != std::to_string(header.aux)) {
    return "the status " + std::to_string(header.aux) + " with the status line '" +
           wsgi::shown(head.status_line) + "'";
  }
  for (const wsgi::Field& each : head.headers) {
    if (std::string wrong = field(each); !wrong.empty()) return wrong;
  }
  bodyless_ =
      asked_.head_request || header.aux == 204 || header.aux == 304 ||
      wsgi::replacement(asked_.replacements, header.aux, head.headers) != wsgi::Replacement::none;
  return add(header.size - head.size, (header.flags & kEnd) != 0);
}

// Applies the rules of start_response(), but refuses hop-by-hop fields, which that drops.
std::string ResponseCheck::field(const wsgi::Field& field) {
  if (std::string wrong = wsgi::bad_header(field.name, field.value); !wrong.empty()) return wrong;
  if (wsgi::is_hop_by_hop(field.name)) {
    return "the hop-by-hop header '" + wsgi::shown(field.name) + "'";
  }
  if (!wsgi::same_name(field.name, "Content-Length")) return "";
  const std::optional<std::int64_t> length = wsgi::parse_content_length(field.value);
  if (!length) return "the Content-Length '" + wsgi::shown(field.value) + "'";
  if (declared_ >= 0) return "a second Content-Length";
  declared_ = *length;
  return "";
}

std::string ResponseCheck::file(const FrameHeader& header, const FilePiece& piece) {
  if (piece.offset < 0 || piece.length < 0 || piece.length > INT64_MAX - piece.offset) {
    return "a piece of a file from " + std::to_string(piece.offset) + ", of " +
           std::to_string(piece.length) + " bytes";
  }
  filed_ = true;
  return add(static_cast<std::uint64_t>(piece.length), (header.flags & kEnd) != 0);
}

// Counts further bytes of the body, before they are passed on: the client of a response with
// Content-Length gets either that many bytes or a connection that breaks off.
std::string ResponseCheck::add(std::uint64_t bytes, bool end) {
  sent_ += bytes;
  ended_ = end;
  if (declared_ < 0) return "";
  const auto declared = static_cast<std::uint64_t>(declared_);
  const bool wrong = sent_ > declared || (end && !bodyless_ && sent_ < declared);
  if (!wrong) return "";
  return "a body of " + std::to_string(sent_) + (end ? " bytes" : " bytes or more") +
         ", where its Content-Length says " + std::to_string(declared);
}

}  // namespace brine::daemon

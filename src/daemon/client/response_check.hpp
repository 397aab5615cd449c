// Judges, in httpd's children, what a daemon process sends in answer to a request. The process runs
// a tenant's code, so its frames are untrusted input. Pure: nothing is read or written here.
//
// clang-format off
// | frame   | flags     | payload             | when it may come                                              |
// |---------|-----------|---------------------|---------------------------------------------------------------|
// | want    | all       | none                | always; after the end of the request's body, 16               |
// | head    | end, done | the head, then body | once; done only together with end                             |
// | body    | end       | 1 byte or the end   | after the head, before the response's end                     |
// | file    | end       | a FilePiece         | likewise, as the only thing behind the head                   |
// | abort   | -         | none                | after the head, before the response's end                     |
// | log     | -         | at most 16 KiB      | always (how many are logged: LogBudget)                       |
// | note    | -         | at most 16 KiB      | always, 1,000                                                 |
// | answer  | -         | a wsgi::Answer      | once, to a question; then no head, body, file, abort, want    |
// | lookup  | -         | a variable's name   | always, 1,000                                                 |
// | facts   | -         | a wsgi::RunFacts    | always, once                                                  |
// | refused | -         | none                | first of all, not before the request's take_until             |
// | done    | -         | none                | with an outcome that fits to what came before                 |
// clang-format on
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "boundary/request.hpp"
#include "daemon/shared/frame.hpp"

namespace brine::daemon {

/// A response's head that is larger, or has more fields, is refused.
inline constexpr std::size_t kMostHeadBytes = 16 << 20;
inline constexpr std::uint32_t kMostFields = 10000;

/// The part of a request that decides which answers to it are accepted.
struct Asked {
  wsgi::Call call = wsgi::Call::application;  ///< a question, or the request is to be served
  bool head_request = false;
  bool body_complete = false;  ///< the process has all of the request's body
  bool may_restart = false;    ///< Outcome::restarting is an acceptable answer
  wsgi::Replacements replacements{};
  base::Nanos take_until = 0;  ///< as in the request's frame
};

/// Judges the answer to one request, frame by frame. Each function returns what is wrong as a
/// clause for the log, or an empty text. None may be called after one has returned a clause.
class ResponseCheck {
 public:
  explicit ResponseCheck(const Asked& asked) : asked_(asked), input_ended_(asked.body_complete) {}

  /// Judges a frame by its header. Must be called once for each frame, before anything of it is
  /// passed on.
  std::string frame(const FrameHeader& header, base::Nanos now);

  /// Judges the extent of a head as its first bytes tell it, before the head is read and decoded.
  static std::string extent(const FrameHeader& header, const std::optional<HeadExtent>& extent);

  /// Judges the decoded head, and the size of the body behind it.
  std::string head(const FrameHeader& header, const ResponseHead& head);

  /// Judges the payload of a `file` frame.
  std::string file(const FrameHeader& header, const FilePiece& piece);

  /// Judges the payload of an `answer`.
  std::string answer(const wsgi::Answer& answer) const;

  /// Notes that the request's body has been passed on to its end, or cannot be read any further.
  void end_input() { input_ended_ = true; }

  bool headed() const { return headed_; }

  /// Returns true if the head has come, and neither the response's end nor an abort.
  bool is_open() const { return headed_ && !ended_ && !aborted_; }

  /// Returns true if the application itself has set Content-Length.
  bool declares_length() const { return declared_ >= 0; }

 private:
  std::string misplaced(FrameKind kind) const;
  std::string want();
  std::string done(std::uint16_t outcome) const;
  std::string field(const wsgi::Field& field);
  std::string add(std::uint64_t bytes, bool end);

  Asked asked_;
  bool begun_ = false;    ///< a frame has come
  bool headed_ = false;   ///< the response's head has come
  bool ended_ = false;    ///< the response's end has come
  bool aborted_ = false;  ///< the response was aborted
  bool filed_ = false;    ///< the response's body is a file
  bool wanted_ = false;   ///< the process has asked for the request's body
  bool input_ended_;
  bool bodyless_ = false;  ///< the client gets no body, so it may be shorter than Content-Length
  unsigned late_wants_ = 0;
  unsigned notes_ = 0;
  unsigned lookups_ = 0;
  bool measured_ = false;       ///< facts have come
  std::int64_t declared_ = -1;  ///< Content-Length
  std::uint64_t sent_ = 0;      ///< bytes of the body so far, those of the current frame included
};

}  // namespace brine::daemon

// RequestBody is the body of a request: the part that is read before the application is called, and
// the rest.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "apache/request/body.hpp"
#include "apache/request/body_plan.hpp"
#include "base/temporary_file.hpp"

namespace brine::apache {

/// Returns what httpd's headers tell of a request's body.
BodyFacts body_facts(const request_rec* r);

/// The body of one request. Lives on the handler's stack.
class RequestBody {
 public:
  RequestBody(request_rec* r, const BodyFacts& facts) : r_(r), reader_(r), length_(facts.length) {}

  /// Reads what the plan wants into memory, or into a temporary file if it is large. Sends "100
  /// Continue" first if the client waits for it. Returns false on failure; status() tells why.
  /// BLOCKS.
  bool take(const BodyPlan& plan);

  /// Returns the bytes in memory, which live as long as the request.
  std::string_view start() const { return start_; }

  /// Returns true if nothing is left behind start().
  bool complete() const { return file_.size() == 0 && ended(); }

  /// Returns true if the whole body has been read from httpd's filters, or there is none.
  bool ended() const { return none_ || reader_.ended(); }

  /// Returns the body's length, or -1 if it is not known.
  std::int64_t length() const { return length_; }

  /// Returns the length as text if environ needs one other than the client's; else an empty text.
  std::string_view found_length() const { return found_length_; }

  /// Reads the next bytes behind start(), like Request::read. BLOCKS.
  wsgi::ReadResult read(std::span<char> into) noexcept;

  /// Returns how reading went; the first failure stays.
  wsgi::ReadStatus status() const {
    return status_ == wsgi::ReadStatus::ok ? reader_.status() : status_;
  }

  /// Returns what httpd's filters returned for the read that failed.
  apr_status_t httpd_status() const { return reader_.httpd_status(); }

  /// Returns the errno if the body could not be kept in a file, else 0.
  int file_error() const { return file_error_; }

 private:
  std::int64_t taken() const { return static_cast<std::int64_t>(start_.size()) + file_.size(); }
  bool take_until(std::int64_t wanted);
  std::size_t take_into_memory();
  std::size_t take_into_file(std::int64_t wanted);
  bool is_within_limit();
  bool keeps_length() const;
  void find_length();

  request_rec* r_;
  BodyReader reader_;
  bool none_ = false;
  std::span<char> memory_;  ///< room for start_
  std::span<char> piece_;   ///< bytes on their way into the file
  std::string_view start_;
  base::TemporaryFile file_;
  std::int64_t file_read_ = 0;
  std::int64_t length_;
  std::array<char, 24> length_text_;
  std::string_view found_length_;
  wsgi::ReadStatus status_ = wsgi::ReadStatus::ok;
  int file_error_ = 0;
};

}  // namespace brine::apache

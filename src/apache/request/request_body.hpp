// A request's body: what of it is read before the application is asked, and the rest behind that.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "apache/request/body.hpp"
#include "apache/request/body_plan.hpp"
#include "base/temporary_file.hpp"

namespace brine::apache {

/// What httpd's headers say of a request's body.
BodyFacts body_facts(const request_rec* r);

/// Lives on the handler's stack.
class RequestBody {
 public:
  RequestBody(request_rec* r, const BodyFacts& facts) : r_(r), reader_(r), length_(facts.length) {}

  /// Reads what the plan wants: into memory, and what is larger into a temporary file. Sends "100
  /// Continue" first where the client waits for it. False: status() tells why. BLOCKS.
  bool take(const BodyPlan& plan);

  /// The bytes in memory; they live as long as the request.
  std::string_view start() const { return start_; }

  /// Whether nothing is left behind start().
  bool complete() const { return file_.size() == 0 && ended(); }

  /// Whether all of it has been read from httpd's filters, or there is none.
  bool ended() const { return none_ || reader_.ended(); }

  /// The length, where it is known.
  std::int64_t length() const { return length_; }

  /// The length as text, where environ has to get another one than the client's, or the client's
  /// is missing; else empty.
  std::string_view found_length() const { return found_length_; }

  /// The next bytes behind start(), as Request::read. BLOCKS.
  wsgi::ReadResult read(std::span<char> into) noexcept;

  /// How reading went; stays at the first failure.
  wsgi::ReadStatus status() const {
    return status_ == wsgi::ReadStatus::ok ? reader_.status() : status_;
  }

  /// What httpd's filters answered to the read that failed.
  apr_status_t httpd_status() const { return reader_.httpd_status(); }

  /// Not 0: it could not be kept in a file, and this errno tells why.
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
  std::span<char> piece_;   ///< what is on its way into the file
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

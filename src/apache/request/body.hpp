// BodyReader reads a request's body through httpd's input filters.
#pragma once

#include <span>

#include "apache/httpd.hpp"
#include "boundary/request.hpp"

namespace brine::apache {

/// The reader of one request's body. Used by the thread that serves the request.
class BodyReader {
 public:
  explicit BodyReader(request_rec* r) : r_(r) {}

  /// Waits for the body's next bytes, and takes what has arrived, up to into.size(). BLOCKS.
  wsgi::ReadResult read(std::span<char> into) noexcept;

  /// Returns true if the body's end has been read.
  bool ended() const { return ended_; }

  /// Returns how the last read went; the first failure stays.
  wsgi::ReadStatus status() const { return status_; }

  /// Returns what httpd's filters returned for the read that failed.
  apr_status_t httpd_status() const { return httpd_status_; }

 private:
  bool may_look_ahead() const;
  bool fill(apr_read_type_e block, std::size_t wanted);
  std::size_t take(std::span<char> into);
  void fail(apr_status_t status);

  request_rec* r_;
  apr_bucket_brigade* brigade_ = nullptr;
  wsgi::ReadStatus status_ = wsgi::ReadStatus::ok;
  apr_status_t httpd_status_ = APR_SUCCESS;
  bool ended_ = false;
};

}  // namespace brine::apache

// ApacheResponse implements wsgi::ResponseWriter over httpd's output filters.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "apache/httpd.hpp"
#include "base/clock.hpp"
#include "boundary/request.hpp"
#include "wsgi/replacement.hpp"

namespace brine::apache {

/// The response to one request. Lives on the handler's stack.
class ApacheResponse final : public wsgi::ResponseWriter {
 public:
  struct HeaderLine {
    const char* name;
    std::size_t name_size;
    const char* value;
  };

  ApacheResponse(request_rec* r, bool enable_sendfile, const wsgi::Replacements& allowed)
      : r_(r), allowed_(allowed), enable_sendfile_(enable_sendfile) {}

  /// Returns true if something has been passed to httpd, so that the status can no longer be
  /// changed.
  bool started() const { return brigade_ != nullptr; }

  /// Return whether the application has answered and its response is dropped for another one, and
  /// whether that response is complete.
  bool is_replaced() const { return replaced_; }
  bool is_whole() const { return whole_; }
  wsgi::Replacement replacement() const { return replacement_; }

  int status() const { return status_; }
  /// Returns the time that httpd's filters, and so the client, have taken for the response.
  base::Nanos delivering() const { return delivering_; }
  std::span<const HeaderLine> lines() const { return headers_; }
  /// Returns the value of the application's field of that name, or null.
  const char* field(std::string_view name) const;

  void start(int status, std::string_view status_line,
             std::span<const wsgi::Field> headers) noexcept override;
  char* allocate(std::size_t size) noexcept override;
  wsgi::Delivery send(std::span<const std::string_view> blocks, wsgi::End end) noexcept override;
  wsgi::Delivery send_file(int fd, std::int64_t offset, std::int64_t length,
                           wsgi::End end) noexcept override;
  void abort() noexcept override;
  /// Sends what httpd would otherwise keep until the handler has returned. A page that httpd makes
  /// of an error or a redirect comes later all the same.
  void conclude(wsgi::Outcome outcome) noexcept override;

 private:
  void apply_header(const HeaderLine& line);
  bool is_allocated(std::string_view block) const;
  bool wants_only_the_end() const;
  apr_bucket* bucket_of(std::string_view block);
  bool begin();
  bool replaces(wsgi::End end);
  wsgi::Delivery pass(wsgi::End end);
  wsgi::Delivery pass_brigade();

  request_rec* r_;
  apr_bucket_brigade* brigade_ = nullptr;  ///< made when the head is passed on
  int status_ = HTTP_OK;
  const char* status_line_ = nullptr;
  std::span<HeaderLine> headers_;
  std::string_view allocated_;  ///< the last block of allocate()
  wsgi::Replacements allowed_;
  wsgi::Replacement replacement_ = wsgi::Replacement::none;
  bool replaced_ = false;
  bool whole_ = false;
  bool enable_sendfile_;
  base::Nanos delivering_ = 0;
};

}  // namespace brine::apache

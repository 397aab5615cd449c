// Implements WSGIResponseBuffering: takes a response from the application without waiting for the
// client.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "apache/request/response.hpp"
#include "base/temporary_file.hpp"
#include "base/unique_fd.hpp"
#include "boundary/log.hpp"

namespace brine::apache {

/// Keeps up to `most` bytes of a response; beyond that it passes everything on as it comes. Must
/// not be used for the response to HEAD, which has no body. Lives on the handler's stack.
class BufferedResponse final : public wsgi::ResponseWriter {
 public:
  BufferedResponse(ApacheResponse& response, base::LogSink& log, std::int64_t most)
      : response_(response), log_(log), most_(most) {}

  void start(int status, std::string_view status_line,
             std::span<const wsgi::Field> headers) noexcept override;
  char* allocate(std::size_t size) noexcept override { return response_.allocate(size); }
  wsgi::Delivery send(std::span<const std::string_view> blocks, wsgi::End end) noexcept override;
  wsgi::Delivery send_file(int fd, std::int64_t offset, std::int64_t length,
                           wsgi::End end) noexcept override;
  /// Drops the response if nothing of it has been passed on and it is incomplete, so that the
  /// client can be told of the failure.
  void abort() noexcept override;
  void conclude(wsgi::Outcome outcome) noexcept override;

  /// Passes on what has been kept, after the application is done with the request. BLOCKS.
  void finish() noexcept;

 private:
  enum class State : std::uint8_t {
    keeping,
    whole,      ///< the whole response is kept
    streaming,  ///< nothing is kept any more
    passed,     ///< the whole response was kept, and has been passed on
    aborted,
  };

  std::int64_t kept() const noexcept {
    return static_cast<std::int64_t>(memory_.size()) + file_.size();
  }
  bool keep(std::string_view block) noexcept;
  wsgi::Delivery pass_kept(wsgi::End end) noexcept;
  wsgi::Delivery stream() noexcept;

  ApacheResponse& response_;
  base::LogSink& log_;
  const std::int64_t most_;
  State state_ = State::keeping;
  std::string memory_;        ///< a small response
  base::TemporaryFile file_;  ///< a large response
  base::UniqueFd given_;      ///< the application's own file, if a part of it is the whole body
  std::int64_t given_offset_ = 0;
  std::int64_t given_length_ = 0;
};

}  // namespace brine::apache

// ForwardedRequest is the request that the engine sees in a daemon process: it implements
// wsgi::Request and wsgi::ResponseWriter over a connection to one of httpd's children.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "boundary/log.hpp"
#include "daemon/shared/channel.hpp"
#include "daemon/shared/frame.hpp"

namespace brine::daemon {

/// One request, from its frame to the frame that ends the exchange. The object lives on the stack
/// of the thread that serves the request.
class ForwardedRequest final : public wsgi::Request, public wsgi::ResponseWriter {
 public:
  /// Is called when the exchange has ended, with whether the connection can be used again.
  using Ended = std::function<void(bool usable)>;

  /// Takes the decoded request. `fallback` takes log records that cannot be sent to httpd.
  ForwardedRequest(int fd, const RequestFrame& frame, base::LogSink& fallback, Ended ended)
      : fd_(fd), frame_(frame), fallback_(fallback), ended_(std::move(ended)) {}
  ~ForwardedRequest() = default;
  ForwardedRequest(const ForwardedRequest&) = delete;
  ForwardedRequest& operator=(const ForwardedRequest&) = delete;

  // These functions implement wsgi::Request.
  const wsgi::Head& head() const noexcept override { return frame_.head; }
  wsgi::ReadResult read(std::span<char> into) noexcept override;
  wsgi::ReadResult read_all(std::span<char> into) noexcept override;
  void note(const char* name, std::string_view value) noexcept override;
  void log(base::Level level, std::string_view text) noexcept override;
  std::optional<std::string> ssl_variable(const std::string& name) override;
  void application_called(std::int64_t now) noexcept override { called_ = now; }
  void measured(const wsgi::RunFacts& facts) noexcept override;
  void script_changed() noexcept override { changed_ = true; }

  // These functions implement wsgi::ResponseWriter.
  void start(int status, std::string_view status_line,
             std::span<const wsgi::Field> headers) override;
  char* allocate(std::size_t size) override;
  wsgi::Delivery send(std::span<const std::string_view> blocks, wsgi::End end) noexcept override;
  wsgi::Delivery send_file(int fd, std::int64_t offset, std::int64_t length,
                           wsgi::End end) noexcept override;
  void abort() noexcept override;
  void answer(wsgi::Answer&& answer) noexcept override;
  /// Writes what is left of the exchange, and ends it: the connection may serve the next request
  /// while this one's thread goes on. A second call does nothing.
  void conclude(wsgi::Outcome outcome) noexcept override;

  /// Ends the exchange because request-timeout is over; the process's monitor calls this. The
  /// client is answered 504, or, where a part of the response is out, its connection is aborted.
  /// What the application sends afterwards is dropped.
  void time_out() noexcept;

  /// Returns when the application was called; 0: not yet. Any thread may ask.
  std::int64_t called() const { return called_; }

  /// Returns true if Request::script_changed() was called.
  bool changed() const { return changed_; }

 private:
  std::optional<std::string> look_up(const std::string& name);
  bool ask(std::size_t most, std::uint8_t flags) noexcept;
  wsgi::ReadResult receive(std::span<char> into, bool& more) noexcept;
  bool write(FrameHeader header, std::span<iovec> parts, int passed = -1) noexcept;
  bool write(FrameHeader header) noexcept;
  bool log_at_once(base::Level level, std::string_view text) noexcept;
  bool write_at_once(FrameHeader header, std::span<iovec> parts) noexcept;
  bool write_body(std::span<const std::string_view> blocks, std::uint8_t flags) noexcept;
  bool write_head(std::span<iovec> parts, std::uint8_t flags) noexcept;
  bool write_head() noexcept;
  bool write_answer() noexcept;
  bool write_end(wsgi::Outcome outcome) noexcept;
  bool defers(std::span<const std::string_view> blocks, wsgi::End end) const;

  const int fd_;
  const RequestFrame& frame_;
  base::LogSink& fallback_;
  const Ended ended_;
  bool changed_ = false;
  std::atomic<std::int64_t> called_{0};  ///< when the application was called; 0: not yet
  std::map<std::string, std::optional<std::string>> variables_;  ///< of mod_ssl, as looked up

  // Held while a frame is written. A write may wait for a slow client, so only the serving thread
  // may wait for this mutex. It guards the members that follow.
  std::mutex mutex_;
  std::atomic<bool> finished_ = false;  ///< the last frame has been written
  bool broken_ = false;  ///< httpd no longer reads, or the monitor has ended the exchange
  bool head_sent_ = false;

  int status_ = 0;
  std::vector<char> head_;          ///< the head that start() was given, encoded
  std::unique_ptr<char[]> memory_;  ///< the last block of allocate()
  std::size_t memory_size_ = 0;
  std::string_view deferred_;  ///< a whole body in memory_, sent at the end
  bool has_deferred_ = false;
  std::optional<wsgi::Answer> answer_;  ///< to a question, sent at the end
};

}  // namespace brine::daemon

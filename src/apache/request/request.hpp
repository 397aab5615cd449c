// ApacheRequest implements wsgi::Request over httpd's request_rec.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "apache/request/request_body.hpp"
#include "apache/request/selection.hpp"
#include "base/clock.hpp"
#include "boundary/request.hpp"
#include "metrics/recent.hpp"

namespace brine::apache {

/// A request to an httpd child. Lives on the handler's stack; its views point into the request_rec
/// and its pool.
class ApacheRequest final : public wsgi::Request {
 public:
  /// Takes the request after `body` has been read as planned, since filters may have changed the
  /// headers too.
  ApacheRequest(request_rec* r, const Selection& selection, RequestBody& body);

  const wsgi::Head& head() const noexcept override { return head_; }
  wsgi::ReadResult read(std::span<char> into) noexcept override;
  void application_called(std::int64_t now) noexcept override { called_ = now; }
  void measured(const wsgi::RunFacts& facts) noexcept override { facts_ = facts; }
  void sent_to(std::int32_t pid) noexcept override;
  void taken_by(std::int32_t pid) noexcept override;
  void note(const char* name, std::string_view value) noexcept override;
  std::optional<std::string> ssl_variable(const std::string& name) override;
  void log(base::Level level, std::string_view text) noexcept override;

  /// Returns when the application was called; 0: it was not.
  base::Nanos called() const { return called_; }
  /// Returns what the engine has measured; nothing of most requests.
  const std::optional<wsgi::RunFacts>& facts() const { return facts_; }
  /// Returns the ids of the hazards that the pickle guard has met, separated by commas.
  std::string_view hazards() const { return hazards_; }
  /// Has the place on the board show which process runs the request.
  void show_in(metrics::RunningRow* row) { shown_in_ = row; }
  /// Returns how many bytes of the body have been passed on.
  std::uint64_t bytes_read() const { return head_.body_start.size() + read_; }

 private:
  using PortText = std::array<char, 8>;

  void set(wsgi::Var var, std::string_view value);
  void set(wsgi::Var var, const char* value);
  void set_port(wsgi::Var var, unsigned port, PortText& text);
  void set_request_line(const Selection& selection);
  void set_server();
  void set_client();
  void set_paths();
  void set_script(const Selection& selection);
  void collect_headers(const Selection& selection);
  void set_body();
  void collect_extra(const wsgi::Question& question);
  void collect_redirect(wsgi::Field*& next);
  void collect_for_decision(wsgi::Field*& next);

  request_rec* r_;
  RequestBody& body_;
  std::string_view script_;
  wsgi::Head head_;
  PortText server_port_;
  PortText remote_port_;
  PortText listener_port_;
  std::atomic<base::Nanos> called_{0};  ///< read by the thread that looks for slow requests
  std::uint64_t read_ = 0;              ///< bytes behind the body's start
  std::optional<wsgi::RunFacts> facts_;
  std::string_view hazards_;
  metrics::RunningRow* shown_in_ = nullptr;
};

}  // namespace brine::apache

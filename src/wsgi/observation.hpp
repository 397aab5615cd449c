// Observation measures one request, for those who have subscribed to events or record metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.hpp"
#include "boundary/request.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/metrics.hpp"

namespace brine::wsgi {

/// Returns true if requests of this process are to be observed from now on.
bool requests_are_observed() noexcept;

/// Has all further requests of the process be observed; it stays so until the process ends.
void observe_requests() noexcept;

/// Returns the time of day in seconds since the epoch.
double seconds_now() noexcept;

/// A request whose reads are counted and timed.
class ObservedRequest final : public Request {
 public:
  ObservedRequest(Request& inner, Measures& measures) : inner_(inner), measures_(measures) {}

  void log(base::Level level, std::string_view text) noexcept override { inner_.log(level, text); }
  const Head& head() const noexcept override { return inner_.head(); }
  ReadResult read(std::span<char> into) noexcept override;
  ReadResult read_all(std::span<char> into) noexcept override;
  void note(const char* name, std::string_view value) noexcept override {
    inner_.note(name, value);
  }
  std::optional<std::string> ssl_variable(const std::string& name) override {
    return inner_.ssl_variable(name);
  }
  void application_called(std::int64_t now) noexcept override { inner_.application_called(now); }
  void measured(const RunFacts& facts) noexcept override { inner_.measured(facts); }
  void script_changed() noexcept override { inner_.script_changed(); }

 private:
  Request& inner_;
  Measures& measures_;
};

/// A response whose writes are counted and timed.
class ObservedResponse final : public ResponseWriter {
 public:
  ObservedResponse(ResponseWriter& inner, Measures& measures)
      : inner_(inner), measures_(measures) {}

  void start(int status, std::string_view status_line, std::span<const Field> headers) override;
  char* allocate(std::size_t size) override { return inner_.allocate(size); }
  Delivery send(std::span<const std::string_view> blocks, End end) noexcept override;
  Delivery send_file(int fd, std::int64_t offset, std::int64_t length, End end) noexcept override;
  void abort() noexcept override { inner_.abort(); }
  void conclude(Outcome outcome) noexcept override { inner_.conclude(outcome); }
  void answer(Answer&& answer) noexcept override { inner_.answer(std::move(answer)); }

 private:
  ResponseWriter& inner_;
  Measures& measures_;
};

/// Lives on the stack of the thread that serves the request. Its members are that thread's.
class Observation {
 public:
  Observation(Request& request, ResponseWriter& response) noexcept;
  ~Observation();
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

  Request& request() noexcept { return request_; }
  ResponseWriter& response() noexcept { return response_; }

  /// Says that the thread has got the GIL, for which it has waited so long.
  void has_gil(base::Nanos waited) noexcept;

  /// Says that the application is called now.
  void begin() noexcept;
  bool has_begun() const noexcept { return application_start_ != 0; }

  /// Says how the request has ended.
  void end(Outcome outcome, const Exchange& exchange) noexcept;

  const Measures& measures() const noexcept { return measures_; }
  double application_start() const noexcept { return application_start_; }
  double application_finish() const noexcept { return application_finish_; }

 private:
  struct Cpu {
    double user = 0;
    double system = 0;
  };
  static Cpu cpu_of_thread() noexcept;

  Measures measures_;
  ObservedRequest request_;
  ObservedResponse response_;
  const Cpu cpu_;
  double application_start_ = 0;
  double application_finish_ = 0;
};

}  // namespace brine::wsgi

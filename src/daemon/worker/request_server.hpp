// The threads of a daemon process that serve requests.
#pragma once

#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/shared/channel.hpp"
#include "daemon/shared/control.hpp"
#include "daemon/shared/private_fd.hpp"
#include "daemon/worker/computing.hpp"
#include "daemon/worker/forwarded_request.hpp"
#include "daemon/worker/worker_process.hpp"

namespace brine::daemon {

/// The serving threads of the process. They wait on one epoll set, so whichever is free takes the
/// next request.
class RequestServer {
 public:
  /// Watches the connections of `context`. `tell` sends a packet to the supervisor; any thread may
  /// call it. Throws std::system_error.
  RequestServer(const WorkerContext& context, engine::Engine& engine, base::LogSink& log,
                std::function<void(const Packet&)> tell);
  RequestServer(const RequestServer&) = delete;
  RequestServer& operator=(const RequestServer&) = delete;

  /// Starts the threads. Throws std::system_error.
  void start();

  /// Ends threads that have no request now, and the others after their request.
  void stop() noexcept;

  /// Returns how many connections there are from httpd's processes.
  std::size_t connections() const noexcept { return connection_count_; }

  /// Returns true if no request is being served, and none that was let in is still on its way.
  bool idle() const noexcept;

  /// Returns a descriptor that becomes readable when the gate is closed and the last request has
  /// ended.
  int drained_fd() const noexcept { return drained_.get(); }

  /// Answers the client of a request that ran into its deadline (ForwardedRequest::time_out). Does
  /// nothing if the thread's request is not the one that began at `since`.
  void time_out(std::size_t thread, base::Nanos since) noexcept;

  /// Interrupts the application in that request. BLOCKS for the GIL.
  void interrupt(std::size_t thread, base::Nanos since) noexcept;

  /// Returns when the thread's request is to be told of as slow (WSGISlowRequest); 0: never.
  base::Nanos slow_at(std::size_t thread) const noexcept {
    return current_requests_[thread].slow_at.load(std::memory_order_acquire);
  }

  /// Returns the shortest time of WSGISlowRequest that a request has had; 0: none had one.
  base::Nanos shortest_slow_limit() const noexcept { return shortest_slow_limit_; }

  /// Tells in the request's log that it is slow, unless that has been told or another request than
  /// the one that began at `since` runs. `stack` is where it is.
  void tell_slow(std::size_t thread, base::Nanos since, std::string_view stack) noexcept;

  /// Notes that a script has been loaded beforehand. Returns false if that was known.
  bool note_loaded(const Script& script);

  /// Notes that a script is not loaded, so that the supervisor is told when a request loads it.
  void note_missing(const Script& script);

  /// Notes which scripts new processes cannot load.
  void set_failed(ScriptVersions scripts);

  /// Corrects the gate's count where a process of httpd died after it had counted a request in. The
  /// monitor calls this in each round.
  void mend_count() noexcept;

  /// Counts the requests that compute, so that others go to another process. The monitor calls this
  /// in each round.
  void look_for_computing(base::Nanos now) noexcept;

 private:
  struct CurrentRequest {
    std::mutex mutex;  ///< guards the other members
    bool is_served = false;
    ForwardedRequest* forwarded = nullptr;  ///< the request, as long as its connection is its own
    std::atomic<base::Nanos> slow_at{0};    ///< not guarded
    bool told_slow = false;
  };
  /// A CpuUse is the knowledge of a thread's use of the processor.
  struct CpuUse {
    clockid_t clock{};                  ///< the thread's; set before its first request
    CpuLook look{};                     ///< guarded by looking_
    std::atomic<bool> computes{false};  ///< it is counted in SlotMemory::computing
  };
  struct Connection;

  static void* run_thread(void* start) noexcept;
  void work(std::size_t thread);
  void take_connections();
  void note_descriptors_gone();
  [[noreturn]] void give_up(int error) noexcept;
  void serve_connection(std::size_t thread, Connection* line, std::vector<char>& buffer);
  enum class Served {
    unusable,  ///< the connection is of no more use
    refused,   ///< nor is this one, and the request has not been taken up
    watched,   ///< the connection may be another thread's by now
  };
  void serve_request(std::size_t thread, Connection* line, const FrameHeader& header,
                     std::span<const char> payload, Served& served);
  void note_slow_limit(std::size_t thread, const wsgi::SlowLimit& limit) noexcept;
  void log_slow(std::size_t thread, CurrentRequest& current, std::string_view stack,
                bool ended) noexcept;
  wsgi::Outcome run(std::size_t thread, ForwardedRequest& forwarded, const wsgi::Target& target);
  std::int64_t tell_of_version(const std::string& path);
  void note_scripts(const wsgi::Target& target, wsgi::Outcome outcome, bool changed);
  std::optional<std::int64_t> failed_version(std::string_view path);
  wsgi::Reloading reloading(const wsgi::Target& target, bool keep_code);
  void no_longer_computes(CpuUse& use) noexcept;
  void count_out() noexcept;
  void watch(int fd, Connection* line, bool again) noexcept;

  const WorkerContext& context_;
  engine::Engine& engine_;
  base::LogSink& log_;
  const std::function<void(const Packet&)> tell_;
  SlotMemory& memory_;
  const std::span<ThreadRecord> records_;
  PrivateFd epoll_;
  base::UniqueFd stopping_;                       ///< an eventfd
  base::UniqueFd drained_;                        ///< an eventfd
  std::vector<CurrentRequest> current_requests_;  ///< one for each thread
  std::vector<CpuUse> cpu_;                       ///< one for each thread
  std::atomic<base::Nanos> next_look_{0};         ///< when the threads are looked at again
  std::mutex looking_;
  std::mutex scripts_mutex_;
  std::set<std::string> scripts_;  // guarded by scripts_mutex_: the scripts that are loaded
  std::atomic<bool> code_failed_{false};
  std::mutex failed_mutex_;
  ScriptVersions failed_;  // guarded by failed_mutex_
  std::atomic<base::Nanos> change_told_{0};
  std::atomic<std::size_t> connection_count_{0};
  std::atomic<bool> descriptors_gone_{false};
  std::atomic<base::Nanos> shortest_slow_limit_{0};
  std::atomic<std::uint64_t> taken_{0};  ///< frames that threads have begun to read
  // mend_count() alone uses these: since when all threads have been idle, and taken_ at that time.
  base::Nanos idle_since_ = 0;
  std::uint64_t idle_taken_ = UINT64_MAX;
};

}  // namespace brine::daemon

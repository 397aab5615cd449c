// The events that a daemon process group counts.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brine::metrics {

/// The events that a group counts; kCounterNames has the names. httpd's processes and the
/// supervisor count them, never a daemon process, so no tenant can change a number.
enum class Counter : std::uint8_t {
  requests,         ///< taken up by a thread
  overfull,         ///< refused, since too many waited
  not_ready,        ///< gave up waiting for a ready process (connect-timeout)
  queue_timeout,    ///< gave up waiting for a thread (queue-timeout)
  request_timeout,  ///< ran into request-timeout
  socket_timeout,
  crashed,      ///< were in a process that died
  bad_answers,  ///< got an answer that breaks the rules of response_check.hpp
  moved,        ///< sent to another process, as the first one died or was busy
  reloads,      ///< changes of a script that led to new processes
  restarts,     ///< processes started in place of another
  deaths,       ///< processes that ended without being told to
  load_failures,
  deadlock,
  inactivity,
  maximum_requests,
  restart_interval,
  cpu_time,
  memory,
  startup_timeout,
  shutdown_timeout,
  graceful_timeout,
  eviction,
  grown,  ///< processes started since all threads were taken
  idle,   ///< processes that left since fewer were enough
  count_,
};

inline constexpr std::size_t kCounters = static_cast<std::size_t>(Counter::count_);

inline constexpr std::array<std::string_view, kCounters> kCounterNames = {"requests",
                                                                          "overfull",
                                                                          "not-ready",
                                                                          "queue-timeout",
                                                                          "request-timeout",
                                                                          "socket-timeout",
                                                                          "crashed",
                                                                          "bad-answers",
                                                                          "moved",
                                                                          "reloads",
                                                                          "restarts",
                                                                          "deaths",
                                                                          "load-failures",
                                                                          "deadlock-timeout",
                                                                          "inactivity-timeout",
                                                                          "maximum-requests",
                                                                          "restart-interval",
                                                                          "cpu-time-limit",
                                                                          "memory-recycle",
                                                                          "startup-timeout",
                                                                          "shutdown-timeout",
                                                                          "graceful-timeout",
                                                                          "eviction",
                                                                          "grown",
                                                                          "idle"};

using Counters = std::array<std::atomic<std::uint64_t>, kCounters>;

}  // namespace brine::metrics

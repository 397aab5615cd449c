// Watches requests that run in httpd's own processes, for WSGISlowRequest. A daemon process has its
// monitor for that.
#pragma once

#include <pthread.h>

#include <string_view>

#include "apache/httpd.hpp"
#include "apache/request/request.hpp"

namespace brine::apache {

/// A request that a thread of this process watches while the object lives, if its Head::slow says
/// so: when its time is over, its stack is written to its log, and where that has not been done,
/// the destructor writes the line without.
class WatchedRequest {
 public:
  WatchedRequest(const request_rec* r, const ApacheRequest& request);
  ~WatchedRequest();
  WatchedRequest(const WatchedRequest&) = delete;
  WatchedRequest& operator=(const WatchedRequest&) = delete;

  const wsgi::SlowLimit& limit() const { return request_.head().slow; }
  pthread_t thread() const { return thread_; }

  /// Writes the line into the request's log.
  void tell(std::string_view stack, bool ended) const noexcept;

  bool is_looked_at = false;  ///< guarded by the watcher's mutex, as is the next one
  bool is_told = false;

 private:
  const request_rec* r_;
  const ApacheRequest& request_;
  pthread_t thread_;
};

}  // namespace brine::apache

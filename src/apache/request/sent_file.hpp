// SentFile is a file in a response, which may become shorter while it is sent.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <iterator>
#include <utility>

#include "apache/httpd.hpp"
#include "apache/request/broken_off.hpp"
#include "base/unique_fd.hpp"

namespace brine::apache {

/// A part of a file that is being sent to the client; lives in the pool of the client's request.
/// The file is never mapped into memory: a page behind its end would end httpd's process with
/// SIGBUS.
class SentFile {
 public:
  /// Makes a part, which must lie in a regular file. Returns null if no descriptor was left.
  static SentFile* make(request_rec* r, int fd, std::int64_t offset, std::int64_t length);

  SentFile(request_rec* r, base::UniqueFd fd, std::int64_t offset, std::int64_t length)
      : r_(r), fd_(std::move(fd)), offset_(offset), end_(offset + length) {}
  SentFile(const SentFile&) = delete;
  SentFile& operator=(const SentFile&) = delete;
  ~SentFile();

  /// Appends the part to what `sender`, the client's request or a sub-request of it, has in
  /// `brigade`. Returns false if no descriptor was left, or the file is too short by now.
  bool append_to(apr_bucket_brigade* brigade, const request_rec* sender, bool enable_sendfile);

  /// Reads at `offset`, like pread(). If bytes are missing, the response is broken off.
  std::size_t read(char* into, std::size_t size, std::int64_t offset);

  apr_bucket* broken_off_bucket(apr_bucket_alloc_t* buckets) const {
    return apache::broken_off_bucket(r_, buckets);
  }

 private:
  bool append_httpds(apr_bucket_brigade* brigade, const request_rec* sender,
                     bool enable_sendfile) const;
  bool reaches_end();
  std::int64_t size_now() const;

  request_rec* r_;  ///< the client's: sub-requests may end before all is sent
  base::UniqueFd fd_;
  std::int64_t offset_;
  std::int64_t end_;
  int error_ = 0;  ///< errno of a read that failed
  bool cut_ = false;
};

}  // namespace brine::apache

// `wsgi.errors`, sys.stdout and sys.stderr (PEP 3333, "Input and Error Streams").
#pragma once

#include "base/log.hpp"
#include "cpython/ref.hpp"

namespace brine::wsgi {

/// The log that text goes to while this object lives on the calling thread: that of the request
/// which the thread serves. Without one, text goes to the server's log. At its end an unfinished
/// line is written out.
class LogScope {
 public:
  explicit LogScope(base::LogSink& log) noexcept;
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  base::LogSink* outer_;
};

/// Where text goes that no request's thread writes, and what a forked process writes. Set once,
/// before Python starts.
void set_server_log(base::LogSink& log) noexcept;

/// The calling thread's log: the innermost LogScope's, or the server's.
base::LogSink& current_log() noexcept;

/// Makes the type `mod_wsgi.Log`: a text stream, each line of which is one record.
cpython::Ref make_log_type(const cpython::GilLock& gil);

/// A stream that logs at `level`: Level::error or Level::notice.
cpython::Ref make_log(const cpython::GilLock& gil, PyObject* type, base::Level level);

}  // namespace brine::wsgi

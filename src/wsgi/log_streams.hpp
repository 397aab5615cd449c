// `wsgi.errors`, sys.stdout and sys.stderr (PEP 3333, "Input and Error Streams").
#pragma once

#include "boundary/log.hpp"
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

/// Text streams into the log, each line of which is one record, at level error or notice. A line is
/// put together for each thread, so that lines of requests which write at the same time do not mix.
/// `make_log` is that of script/bootstrap.py.
cpython::Ref make_error_log(const cpython::GilLock& gil, PyObject* make_log);
cpython::Ref make_output_log(const cpython::GilLock& gil, PyObject* make_log);

}  // namespace brine::wsgi

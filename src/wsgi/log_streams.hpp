// Turns `wsgi.errors`, sys.stdout and sys.stderr into log records (PEP 3333, "Input and Error
// Streams").
#pragma once

#include <string>

#include "boundary/log.hpp"
#include "cpython/ref.hpp"

namespace brine::wsgi {

/// Sets the log that the calling thread's text goes to while this object lives: the log of the
/// request that the thread serves. Without one, text goes to the server's log. The destructor
/// writes out an unfinished line.
class LogScope {
 public:
  explicit LogScope(base::LogSink& log) noexcept;
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  base::LogSink* outer_;
};

/// Sets the log for text of threads that serve no request, and of forked processes. Called once,
/// before Python starts.
void set_server_log(base::LogSink& log) noexcept;

/// Returns the calling thread's log: the innermost LogScope's, or the server's.
base::LogSink& current_log() noexcept;

/// Returns `text`, marked with "> " if it begins like a record of Brine's own, with a code: a
/// client may have made the application write it.
std::string as_own_text(std::string text);

/// Make text streams into the log, at level error or notice; each line is one record. Each thread
/// has a line of its own, so that lines of concurrent requests do not mix. `make_log` is a function
/// of script/bootstrap.py. Throw ErrorSet.
cpython::Ref make_error_log(const cpython::GilLock& gil, PyObject* make_log);
cpython::Ref make_output_log(const cpython::GilLock& gil, PyObject* make_log);

}  // namespace brine::wsgi

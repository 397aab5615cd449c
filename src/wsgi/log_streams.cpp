#include "wsgi/log_streams.hpp"

#include <pthread.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"

namespace brine::wsgi {

using base::Level;
using cpython::borrow;
using cpython::callback;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

// A longer unfinished line is cut, since it might never end.
constexpr std::size_t kLongestLine = 65536;

base::LogSink* server_log = nullptr;  // written before any other thread runs Python

// The unfinished lines of a thread, kept apart so that lines of concurrent requests do not mix.
// They are written when the thread ends, since no other thread can.
struct ThreadLog {
  ThreadLog() = default;
  ThreadLog(const ThreadLog&) = delete;
  ThreadLog& operator=(const ThreadLog&) = delete;
  ~ThreadLog();

  base::LogSink* sink = nullptr;
  std::string out;  // of sys.stdout
  std::string err;  // of sys.stderr and wsgi.errors
};
thread_local ThreadLog thread_log;

// Resets the state in a forked process, which is no part of the request, nor of the connection that
// its log records go over. The unfinished lines are its parent's.
extern "C" void leave_request() {
  thread_log.sink = nullptr;
  thread_log.out.clear();
  thread_log.err.clear();
}

std::string& unfinished(Level level) {
  return level == Level::error ? thread_log.err : thread_log.out;
}

bool looks_like_a_record(std::string_view line) {
  constexpr std::string_view kPrefix = "BRINE";
  return line.starts_with(kPrefix) && line.size() > kPrefix.size() && line[kPrefix.size()] >= '0' &&
         line[kPrefix.size()] <= '9';
}

void flush(Level level) {
  std::string& line = unfinished(level);
  if (line.empty()) return;
  line = as_own_text(std::move(line));
  current_log().log(level, line);
  line.clear();
}

void flush(GilLock& gil, Level level) {
  if (unfinished(level).empty()) return;
  const GilRelease released(gil);  // a piped log may be slow
  flush(level);
}

// Appends to the thread's line, and logs finished ones. `text` must not be in a Python object,
// which could be freed while a record is written.
void write(GilLock& gil, Level level, std::string_view text) {
  std::string& line = unfinished(level);
  if (line.size() > kLongestLine && !text.starts_with('\n')) flush(gil, level);
  for (;;) {
    const auto newline = text.find('\n');
    line.append(text.substr(0, newline));
    if (newline == std::string_view::npos) return;
    if (line.empty()) line.push_back(' ');  // httpd would drop an empty record
    flush(gil, level);
    text.remove_prefix(newline + 1);
  }
}

std::string copy_of(const GilLock& gil, PyObject* bytes_like) {
  Py_buffer view;
  cpython::check(gil, PyObject_GetBuffer(bytes_like, &view, PyBUF_SIMPLE));
  const struct Release {
    Py_buffer& view;
    ~Release() { PyBuffer_Release(&view); }
  } release{view};
  return {static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)};
}

// The functions of a raw stream, one pair for each level.
template <Level level>
PyObject* log_write(PyObject*, PyObject* bytes_like) noexcept {
  return callback([&](GilLock& gil) {
    const std::string text = copy_of(gil, bytes_like);
    write(gil, level, text);
    return steal(gil, PyLong_FromSize_t(text.size()));
  });
}

template <Level level>
PyObject* log_flush(PyObject*, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    flush(gil, level);
    return borrow(gil, Py_None);
  });
}

template <Level level>
PyMethodDef functions[] = {{"write", log_write<level>, METH_O, nullptr},
                           {"flush", log_flush<level>, METH_NOARGS, nullptr}};

template <Level level>
Ref new_log(const GilLock& gil, PyObject* make_log, const char* name) {
  const Ref write = steal(gil, PyCFunction_New(&functions<level>[0], nullptr));
  const Ref flush = steal(gil, PyCFunction_New(&functions<level>[1], nullptr));
  return steal(gil, PyObject_CallFunction(make_log, "sOO", name, write.get(), flush.get()));
}

void write_unfinished() {
  flush(Level::error);
  flush(Level::notice);
}

ThreadLog::~ThreadLog() {
  // When the main thread ends, the process does, and its log has gone by then.
  if (::gettid() != ::getpid()) write_unfinished();
}

}  // namespace

LogScope::LogScope(base::LogSink& log) noexcept : outer_(std::exchange(thread_log.sink, &log)) {}

LogScope::~LogScope() {
  write_unfinished();
  thread_log.sink = outer_;
}

void set_server_log(base::LogSink& log) noexcept {
  server_log = &log;
  ::pthread_atfork(nullptr, nullptr, leave_request);
}

base::LogSink& current_log() noexcept {
  return thread_log.sink != nullptr ? *thread_log.sink : *server_log;
}

std::string as_own_text(std::string text) {
  if (looks_like_a_record(text)) text.insert(0, "> ");
  return text;
}

Ref make_error_log(const GilLock& gil, PyObject* make_log) {
  return new_log<Level::error>(gil, make_log, "<stderr>");
}

Ref make_output_log(const GilLock& gil, PyObject* make_log) {
  return new_log<Level::notice>(gil, make_log, "<stdout>");
}

}  // namespace brine::wsgi

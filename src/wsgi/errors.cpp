#include "wsgi/errors.hpp"

#include <pthread.h>

#include <string>
#include <string_view>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "cpython/instance.hpp"

namespace brine::wsgi {

using base::Level;
using cpython::borrow;
using cpython::callback;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

base::LogSink* server_log = nullptr;  // written once, before any other thread runs Python

// Per thread, so that lines of requests which print at the same time do not mix.
struct ThreadLog {
  base::LogSink* sink = nullptr;
  std::string out;  // the unfinished line of sys.stdout
  std::string err;  // of sys.stderr and wsgi.errors
};
thread_local ThreadLog thread_log;

// A forked process is not part of the request, nor of a connection over which the log may be
// reached; the unfinished lines are its parent's.
extern "C" void leave_request() {
  thread_log.sink = nullptr;
  thread_log.out.clear();
  thread_log.err.clear();
}

struct Log {
  PyObject_HEAD Level level;
};

std::string& unfinished(Level level) {
  return level == Level::error ? thread_log.err : thread_log.out;
}

void flush(Level level) {
  std::string& line = unfinished(level);
  if (line.empty()) return;
  current_log().log(level, line);
  line.clear();
}

// `text` is not of a Python object: that could die while a record is written.
void write(GilLock& gil, Level level, std::string_view text) {
  std::string& line = unfinished(level);
  for (;;) {
    const auto newline = text.find('\n');
    line.append(text.substr(0, newline));
    if (newline == std::string_view::npos) return;
    if (line.empty()) line.push_back(' ');  // an empty record would be dropped
    const GilRelease released(gil);         // a piped log may be slow
    flush(level);
    text.remove_prefix(newline + 1);
  }
}

Level level_of(PyObject* self) { return reinterpret_cast<Log*>(self)->level; }

PyObject* log_write(PyObject* self, PyObject* text) noexcept {
  return callback([&](GilLock& gil) {
    if (PyUnicode_Check(text)) {
      write(gil, level_of(self), cpython::to_utf8(gil, text));
      return steal(gil, PyLong_FromSsize_t(PyUnicode_GET_LENGTH(text)));
    }
    // `.buffer` is this object too: bytes are taken as they are.
    Ref bytes = steal(gil, PyBytes_FromObject(text));
    const Py_ssize_t size = PyBytes_GET_SIZE(bytes.get());
    const std::string copy(PyBytes_AS_STRING(bytes.get()), static_cast<std::size_t>(size));
    write(gil, level_of(self), copy);
    return steal(gil, PyLong_FromSsize_t(size));
  });
}

PyObject* log_writelines(PyObject* self, PyObject* lines) noexcept {
  return callback([&](GilLock& gil) {
    Ref iterator = steal(gil, PyObject_GetIter(lines));
    while (PyObject* next = PyIter_Next(iterator.get())) {
      Ref line = steal(gil, next);
      steal(gil, log_write(self, line.get()));
    }
    if (PyErr_Occurred() != nullptr) throw cpython::ErrorSet{};
    return borrow(gil, Py_None);
  });
}

PyObject* log_flush(PyObject* self, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    const Level level = level_of(self);
    {
      const GilRelease released(gil);
      flush(level);
    }
    return borrow(gil, Py_None);
  });
}

PyObject* log_close(PyObject*, PyObject*) noexcept { Py_RETURN_NONE; }
PyObject* log_true(PyObject*, PyObject*) noexcept { Py_RETURN_TRUE; }
PyObject* log_false(PyObject*, PyObject*) noexcept { Py_RETURN_FALSE; }

PyObject* log_fileno(PyObject*, PyObject*) noexcept {
  PyErr_SetString(PyExc_OSError, "the server's error log has no file descriptor for applications");
  return nullptr;
}

PyObject* get_self(PyObject* self, void*) noexcept { return Py_NewRef(self); }
PyObject* get_false(PyObject*, void*) noexcept { Py_RETURN_FALSE; }
PyObject* get_true(PyObject*, void*) noexcept { Py_RETURN_TRUE; }
PyObject* get_none(PyObject*, void*) noexcept { Py_RETURN_NONE; }
PyObject* get_text(PyObject*, void* text) noexcept {
  return PyUnicode_FromString(static_cast<const char*>(text));
}
PyObject* get_name(PyObject* self, void*) noexcept {
  return PyUnicode_FromString(level_of(self) == Level::error ? "<stderr>" : "<stdout>");
}

PyMethodDef log_methods[] = {
    {"write", log_write, METH_O, "write(text): each line becomes a record of the error log"},
    {"writelines", log_writelines, METH_O, "writelines(lines)"},
    {"flush", log_flush, METH_NOARGS, "Writes out a line that has no newline yet."},
    {"close", log_close, METH_NOARGS, "Does nothing: the log belongs to the server."},
    {"isatty", log_false, METH_NOARGS, nullptr},
    {"readable", log_false, METH_NOARGS, nullptr},
    {"seekable", log_false, METH_NOARGS, nullptr},
    {"writable", log_true, METH_NOARGS, nullptr},
    {"fileno", log_fileno, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

char utf8[] = "utf-8", backslashreplace[] = "backslashreplace", mode_w[] = "w";

PyGetSetDef log_attributes[] = {
    {"buffer", get_self, nullptr, "Takes bytes.", nullptr},
    {"closed", get_false, nullptr, nullptr, nullptr},
    {"encoding", get_text, nullptr, nullptr, utf8},
    {"errors", get_text, nullptr, nullptr, backslashreplace},
    {"line_buffering", get_true, nullptr, nullptr, nullptr},
    {"mode", get_text, nullptr, nullptr, mode_w},
    {"name", get_name, nullptr, nullptr, nullptr},
    {"newlines", get_none, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

}  // namespace

LogScope::LogScope(base::LogSink& log) noexcept : outer_(std::exchange(thread_log.sink, &log)) {}

LogScope::~LogScope() {
  ThreadLog& log = thread_log;
  if (!log.err.empty()) flush(Level::error);
  if (!log.out.empty()) flush(Level::notice);
  log.sink = outer_;
}

void set_server_log(base::LogSink& log) noexcept {
  server_log = &log;
  ::pthread_atfork(nullptr, nullptr, leave_request);
}

base::LogSink& current_log() noexcept {
  return thread_log.sink != nullptr ? *thread_log.sink : *server_log;
}

Ref make_log_type(const GilLock& gil) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(cpython::free_instance)},
      {Py_tp_methods, log_methods},
      {Py_tp_getset, log_attributes},
      {0, nullptr},
  };
  PyType_Spec spec = {"mod_wsgi.Log", sizeof(Log), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return steal(gil, PyType_FromSpec(&spec));
}

Ref make_log(const GilLock& gil, PyObject* type, Level level) {
  Ref made = cpython::make_instance<Log>(gil, type);
  reinterpret_cast<Log*>(made.get())->level = level;
  return made;
}

}  // namespace brine::wsgi

#include "wsgi/input.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "cpython/instance.hpp"
#include "wsgi/exchange_use.hpp"

namespace brine::wsgi {

using cpython::callback;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

struct Input {
  PyObject_HEAD Exchange* exchange;  // null after the request
};

// This much is read at once if the wanted size is not known.
constexpr std::size_t kBlock = 65536;
// At most this much is allocated before bytes have come, since Content-Length is only a claim.
constexpr std::size_t kTrusted = 1 << 20;

ExchangeUse use_of(const GilLock& gil, PyObject* self) {
  Exchange* exchange = reinterpret_cast<Input*>(self)->exchange;
  if (exchange == nullptr) {
    cpython::raise(gil, PyExc_RuntimeError, "wsgi.input cannot be used after its request");
  }
  ++exchange->reads;
  return ExchangeUse(gil, *exchange);
}

[[noreturn]] void raise_read_error(const GilLock& gil, ReadStatus status) {
  switch (status) {
    case ReadStatus::client_gone:
      cpython::raise(gil, PyExc_ConnectionResetError,
                     "request data read error: the client closed the connection");
    case ReadStatus::timed_out:
      cpython::raise(
          gil, PyExc_TimeoutError,
          "request data read error: the client sent nothing within the server's Timeout");
    case ReadStatus::too_large:
      cpython::raise(gil, PyExc_OSError,
                     "request data read error: the body is larger than LimitRequestBody");
    case ReadStatus::malformed:
      cpython::raise(gil, PyExc_OSError, "request data read error: malformed chunked encoding");
    case ReadStatus::ok:
    case ReadStatus::failed:
      break;
  }
  cpython::raise(gil, PyExc_OSError, "request data read error");
}

// Takes bytes that need no read: first those read ahead, then those that came with the request's
// head.
std::size_t take_ready(Exchange& exchange, char* into, std::size_t size) {
  std::size_t got = 0;
  const std::string_view start = exchange.request.head().body_start;
  auto take = [&](std::string_view source, std::size_t& taken) {
    const std::size_t n = std::min(size - got, source.size() - taken);
    if (n != 0) std::memcpy(into + got, source.data() + taken, n);
    taken += n;
    got += n;
  };
  // Bytes that were put back come before all that have not been taken yet.
  take(exchange.ahead, exchange.ahead_taken);
  take(start, exchange.taken);
  return got;
}

// Reads from the server until `into` is full (`fully`) or some bytes have come; returns 0 at the
// end. A failure stays: later reads raise it again.
std::size_t receive(GilLock& gil, Exchange& exchange, char* into, std::size_t size, bool fully) {
  const Head& head = exchange.request.head();
  if (exchange.read_status != ReadStatus::ok) raise_read_error(gil, exchange.read_status);
  if (size == 0 || exchange.body_ended || head.body_complete) return 0;
  ReadResult result;
  {
    GilRelease released(gil);  // once for all of the read
    const std::span<char> room(into, size);
    result = fully ? exchange.request.read_all(room) : exchange.request.read(room);
  }
  const std::size_t got = result.bytes;
  exchange.received += static_cast<std::int64_t>(got);
  if (result.status != ReadStatus::ok) {
    exchange.read_status = result.status;
    raise_read_error(gil, result.status);
  }
  exchange.body_ended = result.bytes == 0 || result.ended;
  return got;
}

// Fills `into`, or as much of it as the body has left.
std::size_t read_fully(GilLock& gil, Exchange& exchange, char* into, std::size_t size) {
  const std::size_t ready = take_ready(exchange, into, size);
  return ready + receive(gil, exchange, into + ready, size - ready, true);
}

bool at_end(const Exchange& exchange) {
  return exchange.body_ended || exchange.request.head().body_complete;
}

// Returns how many bytes may still come: mostly exact with Content-Length, else a guess.
std::size_t expected(const Exchange& exchange) {
  const Head& head = exchange.request.head();
  const std::size_t ready =
      head.body_start.size() - exchange.taken + exchange.ahead.size() - exchange.ahead_taken;
  if (at_end(exchange)) return ready;
  if (head.content_length < 0) return ready + kBlock;
  const std::int64_t seen = exchange.received + static_cast<std::int64_t>(head.body_start.size());
  const auto left = static_cast<std::size_t>(std::max<std::int64_t>(head.content_length - seen, 0));
  return ready + std::min(left, kTrusted);
}

// read(size): returns a bytes object of up to `limit` bytes, which grows as they come.
Ref read_bytes(GilLock& gil, Exchange& exchange, std::size_t limit) {
  std::size_t room = std::min(limit, expected(exchange));
  PyObject* bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(room));
  if (bytes == nullptr) throw cpython::ErrorSet{};
  std::size_t got = 0;
  for (;;) {
    try {
      got += read_fully(gil, exchange, PyBytes_AS_STRING(bytes) + got, room - got);
    } catch (...) {
      Py_DECREF(bytes);
      throw;
    }
    if (got < room || room == limit || at_end(exchange)) break;
    room = std::min(limit, std::max(room * 2, kBlock));
    cpython::check(gil, _PyBytes_Resize(&bytes, static_cast<Py_ssize_t>(room)));
  }
  // A resize that fails has freed the object and set an exception.
  if (got != room) cpython::check(gil, _PyBytes_Resize(&bytes, static_cast<Py_ssize_t>(got)));
  return steal(gil, bytes);
}

// Takes bytes that are here, or else reads the next ones, at most `size`.
std::size_t read_some(GilLock& gil, Exchange& exchange, char* into, std::size_t size) {
  const std::size_t ready = take_ready(exchange, into, size);
  return ready != 0 ? ready : receive(gil, exchange, into, size, false);
}

// readline(size): returns the bytes up to and with the next newline.
Ref read_line(GilLock& gil, Exchange& exchange, std::size_t limit) {
  std::string line;
  char block[8192];
  while (line.size() < limit) {
    const std::size_t got = read_some(gil, exchange, block, sizeof block);
    if (got == 0) break;
    const std::size_t usable = std::min(got, limit - line.size());
    const void* newline = std::memchr(block, '\n', usable);
    const std::size_t used =
        newline == nullptr
            ? usable
            : static_cast<std::size_t>(static_cast<const char*>(newline) - block) + 1;
    line.append(block, used);
    if (used < got) {  // put back, before the bytes that still wait there
      exchange.ahead.replace(0, exchange.ahead_taken, block + used, got - used);
      exchange.ahead_taken = 0;
    }
    if (newline != nullptr) break;
  }
  return steal(gil, PyBytes_FromStringAndSize(line.data(), static_cast<Py_ssize_t>(line.size())));
}

// Parses the optional size argument of the file protocol; absent, None and negative mean no limit.
std::size_t size_argument(const GilLock& gil, const char* function, PyObject* args) {
  PyObject* size = Py_None;
  if (PyArg_UnpackTuple(args, function, 0, 1, &size) == 0) throw cpython::ErrorSet{};
  if (size == Py_None) return PY_SSIZE_T_MAX;
  const Py_ssize_t number = PyNumber_AsSsize_t(size, PyExc_OverflowError);
  if (number == -1 && PyErr_Occurred() != nullptr) throw cpython::ErrorSet{};
  static_cast<void>(gil);
  return number < 0 ? PY_SSIZE_T_MAX : static_cast<std::size_t>(number);
}

PyObject* input_read(PyObject* self, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    Exchange& exchange = use.exchange();
    return read_bytes(gil, exchange, size_argument(gil, "read", args));
  });
}

PyObject* input_readline(PyObject* self, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    Exchange& exchange = use.exchange();
    return read_line(gil, exchange, size_argument(gil, "readline", args));
  });
}

PyObject* input_readlines(PyObject* self, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    Exchange& exchange = use.exchange();
    std::size_t hint = size_argument(gil, "readlines", args);
    if (hint == 0) hint = PY_SSIZE_T_MAX;  // as io.IOBase.readlines does
    Ref lines = steal(gil, PyList_New(0));
    for (std::size_t total = 0; total < hint;) {
      Ref line = read_line(gil, exchange, PY_SSIZE_T_MAX);
      const auto size = static_cast<std::size_t>(PyBytes_GET_SIZE(line.get()));
      if (size == 0) break;
      total += size;
      cpython::check(gil, PyList_Append(lines.get(), line.get()));
    }
    return lines;
  });
}

using Reading = std::size_t(GilLock& gil, Exchange& exchange, char* into, std::size_t size);

template <Reading* read>
PyObject* read_into(PyObject* self, PyObject* into) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    struct Buffer {
      Py_buffer view{};
      ~Buffer() { PyBuffer_Release(&view); }
    } buffer;
    cpython::check(gil, PyObject_GetBuffer(into, &buffer.view, PyBUF_WRITABLE));
    const std::size_t got = read(gil, use.exchange(), static_cast<char*>(buffer.view.buf),
                                 static_cast<std::size_t>(buffer.view.len));
    return steal(gil, PyLong_FromSize_t(got));
  });
}

// read1(size): TextIOWrapper reads by it, and must not wait for more than has come.
PyObject* input_read1(PyObject* self, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    const std::size_t room = std::min(size_argument(gil, "read1", args), kBlock);
    const auto block = std::make_unique_for_overwrite<char[]>(room);
    const std::size_t got = read_some(gil, use.exchange(), block.get(), room);
    return steal(gil, PyBytes_FromStringAndSize(block.get(), static_cast<Py_ssize_t>(got)));
  });
}

PyObject* input_next(PyObject* self) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use = use_of(gil, self);
    Ref line = read_line(gil, use.exchange(), PY_SSIZE_T_MAX);
    return PyBytes_GET_SIZE(line.get()) == 0 ? Ref() : std::move(line);
  });
}

PyObject* input_close(PyObject*, PyObject*) noexcept { Py_RETURN_NONE; }
PyObject* input_is(PyObject*, PyObject*) noexcept { Py_RETURN_TRUE; }
PyObject* input_is_not(PyObject*, PyObject*) noexcept { Py_RETURN_FALSE; }
PyObject* input_enter(PyObject* self, PyObject*) noexcept { return Py_NewRef(self); }

// Raises what the io classes raise for an operation that a stream lacks.
PyObject* input_unsupported(PyObject*, PyObject*) noexcept {
  return callback([&](GilLock& gil) -> Ref {
    Ref io = steal(gil, PyImport_ImportModule("io"));
    Ref error = steal(gil, PyObject_GetAttrString(io.get(), "UnsupportedOperation"));
    cpython::raise(gil, error.get(), "wsgi.input can only be read, from its start to its end");
  });
}

PyObject* input_closed(PyObject* self, void*) noexcept {
  return PyBool_FromLong(reinterpret_cast<Input*>(self)->exchange == nullptr ? 1 : 0);
}

PyMethodDef input_methods[] = {
    {"read", input_read, METH_VARARGS, "read(size=-1) -> bytes; b'' at the end of the body"},
    {"readline", input_readline, METH_VARARGS, "readline(size=-1) -> bytes, with its newline"},
    {"readlines", input_readlines, METH_VARARGS, "readlines(hint=-1) -> list of lines"},
    {"readinto", read_into<read_fully>, METH_O, "readinto(buffer) -> number of bytes read into it"},
    {"read1", input_read1, METH_VARARGS, "read1(size=-1) -> bytes: what has come"},
    {"readinto1", read_into<read_some>, METH_O, "readinto1(buffer): what has come"},
    {"close", input_close, METH_NOARGS, "Does nothing: the body belongs to the server."},
    {"flush", input_close, METH_NOARGS, "Does nothing."},
    {"__enter__", input_enter, METH_NOARGS, nullptr},
    {"__exit__", input_close, METH_VARARGS, nullptr},
    {"readable", input_is, METH_NOARGS, "True"},
    {"writable", input_is_not, METH_NOARGS, "False"},
    {"seekable", input_is_not, METH_NOARGS, "False"},
    {"isatty", input_is_not, METH_NOARGS, "False"},
    {"detach", input_unsupported, METH_VARARGS, nullptr},
    {"fileno", input_unsupported, METH_VARARGS, nullptr},
    {"seek", input_unsupported, METH_VARARGS, nullptr},
    {"tell", input_unsupported, METH_VARARGS, nullptr},
    {"truncate", input_unsupported, METH_VARARGS, nullptr},
    {"write", input_unsupported, METH_VARARGS, nullptr},
    {"writelines", input_unsupported, METH_VARARGS, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef input_attributes[] = {
    {"closed", input_closed, nullptr, "Whether the request has ended.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

// Registers the type with io.BufferedIOBase, so that isinstance() and issubclass() hold. It does
// not inherit from that: instances of io's classes cost more, and each request makes one.
void register_as_stream(const GilLock& gil, PyObject* type) {
  Ref io = steal(gil, PyImport_ImportModule("io"));
  Ref base = steal(gil, PyObject_GetAttrString(io.get(), "BufferedIOBase"));
  steal(gil, PyObject_CallMethod(base.get(), "register", "O", type));
}

}  // namespace

Ref make_input_type(const GilLock& gil) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(cpython::free_instance)},
      {Py_tp_methods, input_methods},
      {Py_tp_getset, input_attributes},
      {Py_tp_iter, reinterpret_cast<void*>(PyObject_SelfIter)},
      {Py_tp_iternext, reinterpret_cast<void*>(input_next)},
      {0, nullptr},
  };
  PyType_Spec spec = {"mod_wsgi.Input", sizeof(Input), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  Ref type = steal(gil, PyType_FromSpec(&spec));
  register_as_stream(gil, type.get());
  return type;
}

Ref make_input(const GilLock& gil, PyObject* type, Exchange& exchange) {
  Ref input = cpython::make_instance<Input>(gil, type);
  reinterpret_cast<Input*>(input.get())->exchange = &exchange;
  return input;
}

void end_input(PyObject* input) noexcept { reinterpret_cast<Input*>(input)->exchange = nullptr; }

}  // namespace brine::wsgi

#include "wsgi/start_response.hpp"

#include <structmember.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "cpython/instance.hpp"
#include "wsgi/exchange_use.hpp"
#include "wsgi/headers.hpp"
#include "wsgi/replacement.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::callback;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

struct StartResponse {
  PyObject_HEAD vectorcallfunc call;
  Exchange* exchange;  // null after the request
  StartArguments* arguments;
  Events* events;
};

Exchange& exchange_of(const GilLock& gil, PyObject* self, const char* name) {
  Exchange* exchange = reinterpret_cast<StartResponse*>(self)->exchange;
  if (exchange == nullptr) {
    cpython::raise(gil, PyExc_RuntimeError,
                   std::string(name) + "() cannot be called after its request");
  }
  return *exchange;
}

// PEP 3333 wants native strings that latin-1 can encode. CPython keeps such strings as one byte for
// each character, and the view is of that memory.
std::string_view latin1_view(const GilLock& gil, PyObject* text) {
  if (!PyUnicode_Check(text)) {
    cpython::raise(gil, PyExc_TypeError, std::string("must be str, not ") + Py_TYPE(text)->tp_name);
  }
#if PY_VERSION_HEX < 0x030C0000
  cpython::check(gil, PyUnicode_READY(text));
#endif
  if (PyUnicode_KIND(text) != PyUnicode_1BYTE_KIND) {
    steal(gil, PyUnicode_AsLatin1String(text));  // raises UnicodeEncodeError, which says where
  }
  return {reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(text)),
          static_cast<std::size_t>(PyUnicode_GET_LENGTH(text))};
}

Field header_field(const GilLock& gil, PyObject* item) {
  if (!PyTuple_Check(item)) {
    cpython::raise(gil, PyExc_TypeError,
                   std::string("each header must be a 2-tuple, not ") + Py_TYPE(item)->tp_name);
  }
  if (PyTuple_GET_SIZE(item) != 2) {
    cpython::raise(
        gil, PyExc_ValueError,
        "each header must be a 2-tuple, got length " + std::to_string(PyTuple_GET_SIZE(item)));
  }
  const Field field{latin1_view(gil, PyTuple_GET_ITEM(item, 0)),
                    latin1_view(gil, PyTuple_GET_ITEM(item, 1))};
  if (const std::string wrong = bad_header(field.name, field.value); !wrong.empty()) {
    cpython::raise(gil, PyExc_ValueError, wrong);
  }
  return field;
}

std::int64_t content_length(const GilLock& gil, const Field& field) {
  const auto length = parse_content_length(field.value);
  if (!length) {
    cpython::raise(gil, PyExc_ValueError,
                   "Content-Length is not a number: b'" + shown(field.value) + "'");
  }
  return *length;
}

// Allows a second call only with exc_info, which says that an error was caught after the first.
void allow_replacement(const GilLock& gil, const Exchange& exchange, PyObject* exc_info) {
  if (exc_info == nullptr || exc_info == Py_None) {
    // PEP 3333: calling start_response again without exc_info is a fatal error.
    if (exchange.started) {
      cpython::raise(gil, PyExc_RuntimeError,
                     "start_response() called more than once without exc_info");
    }
    return;
  }
  if (!PyTuple_Check(exc_info)) {
    cpython::raise(gil, PyExc_RuntimeError,
                   "start_response() argument 'exc_info' must be a 3-tuple or None");
  }
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  if (PyArg_ParseTuple(exc_info, "OOO;start_response() exc_info", &type, &value, &traceback) == 0) {
    throw ErrorSet{};
  }
  if (!exchange.sent) return;
  // PEP 3333: if the headers have been sent, start_response raises the exception that it was given.
  Py_XINCREF(type);
  Py_XINCREF(value);
  if (traceback == Py_None) traceback = nullptr;
  Py_XINCREF(traceback);
  PyErr_Restore(type, value, traceback);
  throw ErrorSet{};
}

// The header fields that the application may set.
struct Fields {
  std::vector<Field> own;
  std::int64_t declared = -1;  // Content-Length, or -1
  std::string left_out;        // fields that only the server sets, for the log
};

// Leaves out a field that only the server sets; under WSGIStrictHeaders it is an error.
void leave_out(const GilLock& gil, const Exchange& exchange, const Field& field, Fields& fields) {
  if (exchange.request.head().strict_headers) {
    cpython::raise(gil, PyExc_ValueError,
                   "hop-by-hop header is the server's, not the application's: b'" +
                       shown(field.name) + "' (WSGIStrictHeaders is On)");
  }
  constexpr std::size_t kEnough = 300;
  if (fields.left_out.size() > kEnough) return;
  fields.left_out.append(fields.left_out.empty() ? "'" : ", '");
  fields.left_out.append(shown(field.name)).append(": ").append(shown(field.value)).append("'");
}

// Leaves out the fields that a Connection field makes hop-by-hop.
void leave_out_named(const GilLock& gil, const Exchange& exchange, std::string_view connection,
                     Fields& fields) {
  std::erase_if(fields.own, [&](const Field& field) {
    const bool named = names_option(connection, field.name);
    if (named) leave_out(gil, exchange, field, fields);
    return named;
  });
}

Fields own_fields(const GilLock& gil, const Exchange& exchange, PyObject* headers) {
  Fields fields;
  fields.own.reserve(static_cast<std::size_t>(PyList_GET_SIZE(headers)));
  std::vector<std::string_view> connections;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(headers); ++i) {
    const Field field = header_field(gil, PyList_GET_ITEM(headers, i));
    if (is_hop_by_hop(field.name)) {
      leave_out(gil, exchange, field, fields);
      if (same_name(field.name, "Connection")) connections.push_back(field.value);
      continue;
    }
    if (same_name(field.name, "Content-Length")) {
      if (fields.declared >= 0) {
        cpython::raise(gil, PyExc_ValueError, "there is more than one Content-Length");
      }
      fields.declared = content_length(gil, field);
    }
    fields.own.push_back(field);
  }
  for (const std::string_view connection : connections) {
    leave_out_named(gil, exchange, connection, fields);
  }
  return fields;
}

enum class Length : std::uint8_t { told, left_out };

void start(const GilLock& gil, Exchange& exchange, PyObject* status, PyObject* headers,
           Length length) {
  const std::string_view line = latin1_view(gil, status);
  if (const std::string wrong = bad_status(line); !wrong.empty()) {
    cpython::raise(gil, PyExc_ValueError, wrong);
  }
  if (!PyList_Check(headers)) {
    cpython::raise(
        gil, PyExc_TypeError,
        std::string("start_response() argument 2 must be list, not ") + Py_TYPE(headers)->tp_name);
  }
  Fields fields = own_fields(gil, exchange, headers);
  if (length == Length::left_out) {
    std::erase_if(fields.own,
                  [](const Field& field) { return same_name(field.name, "Content-Length"); });
    fields.declared = -1;
  }
  const int code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
  exchange.response.start(code, line, fields.own);
  exchange.started = true;
  exchange.declared = fields.declared;
  exchange.left_out = std::move(fields.left_out);
  const Head& head = exchange.request.head();
  exchange.bodyless = code == 204 || code == 304 || head.head_request ||
                      replacement(head.replacements, code, fields.own) != Replacement::none;
}

PyObject* start_response_write(PyObject* self, PyObject* data) noexcept {
  return callback([&](GilLock& gil) {
    const ExchangeUse use(gil, exchange_of(gil, self, "write"));
    Exchange& exchange = use.exchange();
    if (!PyBytes_Check(data)) {
      cpython::raise(gil, PyExc_TypeError,
                     std::string("write() argument must be bytes, not ") + Py_TYPE(data)->tp_name);
    }
    const std::string_view block(PyBytes_AS_STRING(data),
                                 static_cast<std::size_t>(PyBytes_GET_SIZE(data)));
    const bool is_nothing = block.empty() && !is_one_too_many(exchange);
    if (!is_nothing && exchange.satisfied() && !exchange.client_gone) {
      exchange.stopped = true;
      cpython::raise(gil, PyExc_ConnectionResetError,
                     "request data write error: the answer is complete, and nothing more of its "
                     "body is sent");
    }
    if (!is_nothing) send_block(gil, exchange, block);
    if (exchange.client_gone) {
      cpython::raise(gil, PyExc_ConnectionResetError,
                     "request data write error: the client closed the connection");
    }
    return borrow(gil, Py_None);
  });
}

PyMethodDef write_method = {"write", start_response_write, METH_O,
                            "write(bytes): sends a block of the body at once (PEP 3333)"};

PyObject* start_response_call(PyObject* self, PyObject* const* args, std::size_t nargsf,
                              PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Exchange& exchange = exchange_of(gil, self, "start_response");
    const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
    if (count < 2 || count > 3 || (keywords != nullptr && PyTuple_GET_SIZE(keywords) != 0)) {
      cpython::raise(gil, PyExc_TypeError,
                     "start_response() takes 2 or 3 positional arguments: status, headers and "
                     "exc_info");
    }
    allow_replacement(gil, exchange, count == 3 ? args[2] : nullptr);
    start(gil, exchange, args[0], args[1], Length::told);
    const auto* own = reinterpret_cast<StartResponse*>(self);
    *own->arguments = {borrow(gil, args[0]), borrow(gil, args[1])};
    if (exchange.observation != nullptr) {
      own->events->start_response(gil, exchange, args[0], args[1], count == 3 ? args[2] : nullptr);
    }
    return steal(gil, PyCFunction_New(&write_method, self));
  });
}

}  // namespace

Ref make_start_response_type(const GilLock& gil) {
  static PyMemberDef members[] = {
      {"__vectorcalloffset__", T_PYSSIZET, offsetof(StartResponse, call), READONLY, nullptr},
      {nullptr, 0, 0, 0, nullptr},
  };
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(cpython::free_instance)},
      {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
      {Py_tp_members, members},
      {0, nullptr},
  };
  PyType_Spec spec = {
      "mod_wsgi.start_response", sizeof(StartResponse), 0,
      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_HAVE_VECTORCALL, slots};
  return steal(gil, PyType_FromSpec(&spec));
}

Ref make_start_response(const GilLock& gil, PyObject* type, Exchange& exchange, Events& events,
                        StartArguments& arguments) {
  Ref made = cpython::make_instance<StartResponse>(gil, type);
  auto* self = reinterpret_cast<StartResponse*>(made.get());
  self->call = start_response_call;
  self->exchange = &exchange;
  self->arguments = &arguments;
  self->events = &events;
  return made;
}

void forget_length(const GilLock& gil, Exchange& exchange, const StartArguments& arguments) {
  start(gil, exchange, arguments.status.get(), arguments.headers.get(), Length::left_out);
}

void end_start_response(PyObject* start_response) noexcept {
  reinterpret_cast<StartResponse*>(start_response)->exchange = nullptr;
}

std::size_t allowed(Exchange& exchange, std::size_t size) noexcept {
  if (exchange.declared < 0) return size;
  const auto left = static_cast<std::size_t>(exchange.declared - exchange.length);
  if (size <= left) return size;
  if (!exchange.over_run) {
    exchange.over_run = true;
    if (exchange.bodyless) return left;
    exchange.request.log(base::Level::warning,
                         "BRINE0405: the application sent more than its Content-Length of " +
                             std::to_string(exchange.declared) + " bytes; the rest is cut off");
  }
  return left;
}

bool is_one_too_many(Exchange& exchange) noexcept {
  constexpr int kPatience = 16;
  return exchange.bodyless && ++exchange.empty_blocks > kPatience;
}

void send_block(GilLock& gil, Exchange& exchange, std::string_view block) {
  if (!exchange.started) {
    cpython::raise(gil, PyExc_RuntimeError,
                   "a block of the body came before start_response() was called");
  }
  block = block.substr(0, allowed(exchange, block.size()));
  exchange.length += static_cast<std::int64_t>(block.size());
  if (exchange.client_gone || exchange.ended) return;
  exchange.sent = true;
  // With the last byte that Content-Length announced, the response is complete whatever the
  // application does next, so its end is sent too.
  const bool whole = exchange.length == exchange.declared;
  exchange.ended = whole || exchange.bodyless;
  GilRelease released(gil);
  Delivery delivery = Delivery::ok;
  if (whole || !block.empty()) {
    delivery = exchange.response.send({&block, 1}, whole ? End::last : End::more);
  }
  // No client gets a byte of such a body. Its first block is for the filters, which make the head
  // that GET would have.
  if (!whole && exchange.ended && delivery == Delivery::ok) {
    delivery = exchange.response.send({}, End::last);
  }
  if (delivery == Delivery::client_gone) exchange.client_gone = true;
}

}  // namespace brine::wsgi

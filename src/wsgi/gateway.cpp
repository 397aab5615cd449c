#include "wsgi/gateway.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "wsgi/exchange_use.hpp"
#include "wsgi/input.hpp"
#include "wsgi/interruption.hpp"
#include "wsgi/request_objects.hpp"
#include "wsgi/start_response.hpp"

namespace brine::wsgi {

using base::Level;
using cpython::borrow;
using cpython::ErrorSet;
using cpython::ErrorText;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

// Up to this size a body is copied, so that it can be sent after the GIL is released. A larger one
// stays in the application's objects, and the GIL is taken once more to let go of them.
constexpr std::size_t kCopied = 65536;

struct FileSize {
  std::int64_t size = 0;  // as fstat() tells it
  bool lies = false;      // the file does not end there, as those of /proc and /sys
};

FileSize size_of(GilLock& gil, Exchange& exchange, int fd) {
  const ExchangeUse use(gil, exchange);
  const GilRelease released(gil);  // the file system may be slow
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return {};
  char byte = 0;
  const bool is_there = info.st_size == 0 || ::pread(fd, &byte, 1, info.st_size - 1) == 1;
  return {info.st_size, !is_there || ::pread(fd, &byte, 1, info.st_size) != 0};
}

// Thrown for what the application did against PEP 3333.
struct Violation {
  std::string what;
};

std::string_view block_of(PyObject* object) {
  if (!PyBytes_Check(object)) {
    throw Violation{std::string("TypeError: the response iterable must yield bytes, not ") +
                    Py_TYPE(object)->tp_name};
  }
  return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
}

void require_started(const Exchange& exchange) {
  if (!exchange.started) {
    throw Violation{
        "RuntimeError: start_response() was not called before the first block of the "
        "body, or at all"};
  }
}

bool falls_short(const Exchange& exchange) {
  return exchange.declared > exchange.length && !exchange.bodyless;
}

// Sends the last blocks and the response's end, or aborts the response if the body is shorter than
// its Content-Length. Called without the GIL.
void send_end(Exchange& exchange, std::span<const std::string_view> blocks) noexcept {
  const bool short_of = falls_short(exchange);
  // For HEAD the application's Content-Length stands; httpd would otherwise replace it by the
  // length of the block.
  const bool own_length =
      exchange.bodyless && !blocks.empty() && exchange.declared > exchange.length;
  const End end = short_of || own_length ? End::more : End::last;
  Delivery delivery = exchange.response.send(blocks, end);
  if (own_length && delivery == Delivery::ok) delivery = exchange.response.send({}, End::last);
  if (delivery == Delivery::client_gone) {
    exchange.client_gone = true;
  } else if (short_of) {
    exchange.response.abort();
  }
  exchange.sent = exchange.ended = true;
}

void report_short_body(const Exchange& exchange) {
  exchange.request.log(Level::error,
                       "BRINE0406: the application sent " + std::to_string(exchange.length) +
                           " bytes, less than its Content-Length of " +
                           std::to_string(exchange.declared) + "; the connection is aborted");
}

// Copies a small body, up to `usable` bytes, into memory of the response.
std::string_view copy_body(PyObject* items, std::size_t usable, ResponseWriter& response) {
  char* const copy = response.allocate(usable);
  std::size_t at = 0;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items); ++i) {
    const std::string_view block = block_of(PyTuple_GET_ITEM(items, i));
    const std::size_t n = std::min(block.size(), usable - at);
    if (n != 0) std::memcpy(copy + at, block.data(), n);
    at += n;
  }
  return {copy, usable};
}

// Returns views of a large body, up to `usable` bytes of it.
std::vector<std::string_view> view_body(PyObject* items, std::size_t usable) {
  std::vector<std::string_view> blocks;
  for (Py_ssize_t i = 0; usable != 0; ++i) {
    blocks.push_back(block_of(PyTuple_GET_ITEM(items, i)).substr(0, usable));
    usable -= blocks.back().size();
  }
  return blocks;
}

// Delivers a list or tuple: the whole body is known, so it is sent at once.
void deliver_sequence(GilLock& gil, PyObject* result, Exchange& exchange, Reply& reply) {
  Ref items = steal(gil, PySequence_Tuple(result));  // a tuple is its own copy
  std::size_t size = 0;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
    size += block_of(PyTuple_GET_ITEM(items.get(), i)).size();
  }
  require_started(exchange);
  const std::size_t usable = allowed(exchange, size);
  exchange.length += static_cast<std::int64_t>(usable);
  if (exchange.ended) return;  // write() has sent the whole body
  if (usable <= kCopied) {
    reply.body = copy_body(items.get(), usable, exchange.response);
    return;
  }
  const std::vector<std::string_view> blocks = view_body(items.get(), usable);
  const ExchangeUse use(gil, exchange);
  GilRelease released(gil);
  send_end(exchange, blocks);
}

// Delivers any other iterable. PEP 3333, "Buffering and Streaming": each block is sent to the
// client before the next one is asked for.
void deliver_iterable(GilLock& gil, PyObject* result, Exchange& exchange) {
  PyObject* iterator = PyObject_GetIter(result);
  if (iterator == nullptr && PyErr_ExceptionMatches(PyExc_TypeError) != 0) {
    PyErr_Clear();
    throw Violation{std::string("TypeError: the application returned ") + Py_TYPE(result)->tp_name +
                    ", which is not an iterable of bytes"};
  }
  Ref iterable = steal(gil, iterator);
  while (!exchange.satisfied()) {
    PyObject* next = PyIter_Next(iterable.get());
    if (next == nullptr) {
      if (PyErr_Occurred() != nullptr) throw ErrorSet{};
      break;
    }
    Ref item = steal(gil, next);
    const std::string_view block = block_of(item.get());
    // PEP 3333: headers are not sent before there is body data or the iterable is exhausted.
    if (block.empty() && !is_one_too_many(exchange)) continue;
    require_started(exchange);
    const ExchangeUse use(gil, exchange);
    send_block(gil, exchange, block);
  }
  if (exchange.client_gone || exchange.ended) return;
  require_started(exchange);
  const ExchangeUse use(gil, exchange);
  GilRelease released(gil);
  send_end(exchange, {});
}

// Logs the set exception. `interrupted`: mod_wsgi.RequestTimeout caused it.
void report(const GilLock& gil, const Exchange& exchange, std::string_view script, bool interrupted,
            PyObject* adviser) {
  const ErrorText error = cpython::take_error(gil, adviser);
  if (exchange.client_gone || exchange.read_status == ReadStatus::client_gone) {
    exchange.request.log(Level::info, "the client went away: " + error.summary);
    return;
  }
  const Head& head = exchange.request.head();
  const auto var = [&](Var name) { return std::string(head.vars[static_cast<std::size_t>(name)]); };
  const std::string where = ", in the application of WSGI script '" + std::string(script) +
                            "' for " + var(Var::request_method) + " " + var(Var::request_uri) +
                            "\n" + error.traceback;
  if (interrupted) {
    exchange.request.log(
        Level::error,
        "BRINE0408: the application was interrupted: it ran into request-timeout" + where);
  } else if (error.system_exit) {
    exchange.request.log(Level::error, "BRINE0402: " + error.summary + where);
  } else {
    exchange.request.log(Level::error, "BRINE0401: " + error.summary + where);
  }
  if (!error.advice.empty()) exchange.request.log(Level::error, error.advice);
}

void report_violation(const Exchange& exchange, const Violation& violation,
                      std::string_view script) {
  exchange.request.log(Level::error, "BRINE0404: " + violation.what +
                                         " (PEP 3333), in the application of WSGI script '" +
                                         std::string(script) + "'");
}

// Returns true if the exception is the one that write() raised to stop the application, which is no
// failure.
bool was_stopped(const GilLock& gil, const Exchange& exchange) {
  if (!exchange.stopped || PyErr_ExceptionMatches(PyExc_ConnectionResetError) == 0) return false;
  exchange.request.log(Level::info, "the answer was complete: " + cpython::take_error(gil).summary);
  return true;
}

// Returns the outcome of a failed application: nothing was sent, or the response is aborted.
Outcome fail(GilLock& gil, Exchange& exchange) {
  if (exchange.client_gone || exchange.read_status == ReadStatus::client_gone) {
    return Outcome::client_aborted;
  }
  if (!exchange.sent) return Outcome::failed_before_headers;
  if (!exchange.ended) {
    wait_until_unused(gil, exchange);
    GilRelease released(gil);
    exchange.response.abort();
  }
  return Outcome::failed_after_headers;
}

}  // namespace

Gateway::Gateway(const GilLock& gil, const InterpreterInfo& interpreter_info, const Parts& parts)
    : input_type_(make_input_type(gil)),
      start_response_type_(make_start_response_type(gil)),
      file_wrapper_(borrow(gil, parts.file_wrapper)),
      plain_file_(borrow(gil, parts.plain_file)),
      adviser_(borrow(gil, parts.adviser)),
      request_timeout_(make_request_timeout(gil)),
      access_(gil),
      input_key_(steal(gil, PyUnicode_InternFromString("wsgi.input"))),
      close_name_(steal(gil, PyUnicode_InternFromString("close"))) {
  const Ref errors = install_streams(gil, parts.make_log, interpreter_info.at_terminal);
  const Ref module =
      install_modules(gil, interpreter_info, parts.file_wrapper, request_timeout_.get());
  steal(gil, PyObject_CallFunctionObjArgs(parts.complete_module, module.get(),
                                          events_.functions(gil).get(), nullptr));
  constants_ = environ_constants(gil, interpreter_info, errors.get(), parts.file_wrapper);
  environ_.emplace(gil, constants_.get());
}

Outcome Gateway::ask(GilLock& gil, PyObject* module, PyObject* function, const Target& target,
                     Exchange& exchange) {
  if (!asker_) {
    // To make types may run the garbage collector, and so another thread.
    auto made = std::make_unique<Asker>(gil, constants_.get(), access_, adviser_.get(),
                                        request_timeout_.get());
    if (!asker_) asker_ = std::move(made);
  }
  return asker_->ask(gil, module, function, target, exchange);
}

Reply Gateway::serve(GilLock& gil, PyObject* application, std::string_view script,
                     Exchange& exchange) {
  const CurrentRequest current(exchange);
  const Metrics::Served served(exchange.request.head().thread_id);
  Reply reply;
  try {
    StartArguments arguments;
    RequestObjects objects(gil, exchange);
    PyObject* const input = objects.hold(make_input(gil, input_type_.get(), exchange), &end_input);
    PyObject* const start_response = objects.hold(
        make_start_response(gil, start_response_type_.get(), exchange, events_, arguments),
        &end_start_response);
    const Interruptible interruptible(gil, exchange, true);
    Ref environ = environ_->make(gil, exchange.request.head());
    cpython::check(gil, PyDict_SetItem(environ.get(), input_key_.get(), input));
    access_.give(gil, environ.get(), exchange, objects);
    const Ref observed = exchange.observation == nullptr
                             ? Ref()
                             : events_.begin(gil, exchange, application, environ.get());
    exchange.request.application_called(base::now());
    Ref result = call(gil, observed ? observed.get() : application, environ.get(), start_response);
    try {
      deliver(gil, result.get(), arguments, exchange, reply);
    } catch (const ErrorSet&) {
      reply = raised(gil, exchange, script);
    } catch (const Violation& violation) {
      report_violation(exchange, violation, script);
      reply = {fail(gil, exchange), std::nullopt};
    }
    close(gil, result.get(), exchange);
  } catch (const ErrorSet&) {
    reply = raised(gil, exchange, script);
  }
  if (!exchange.left_out.empty()) tell_left_out(exchange, script);
  if (exchange.observation == nullptr) events_.forget(gil, exchange);
  return reply;
}

// The subscribers may be interrupted, as the application may.
void Gateway::finished(GilLock& gil, Exchange& exchange, Outcome outcome) {
  if (events_.are_told(gil)) {
    const GilRelease released(gil);
    exchange.response.conclude(outcome);
  }
  const CurrentRequest current(exchange);
  const Interruptible interruptible(gil, exchange, true);
  events_.finish(gil, exchange);
  events_.forget(gil, exchange);
}

void Gateway::tell_left_out(const Exchange& exchange, std::string_view script) {
  if (!told_.emplace(script).second) return;
  exchange.request.log(Level::warning,
                       "BRINE0409: the application of WSGI script '" + std::string(script) +
                           "' gave the header " + exchange.left_out +
                           ", which is the server's (hop-by-hop, PEP 3333): it is left out; told "
                           "once a script");
}

bool Gateway::interrupt(const GilLock&, Exchange& exchange, unsigned long thread) const {
  if (!exchange.interruptible) return false;
  exchange.interrupted = true;
  return PyThreadState_SetAsyncExc(thread, request_timeout_.get()) != 0;
}

// Handles an exception that has left the application.
Reply Gateway::raised(GilLock& gil, Exchange& exchange, std::string_view script) {
  if (exchange.observation != nullptr && !exchange.stopped) events_.raised(gil, exchange);
  // The traceback module runs Python code that is not the application's.
  const Interruptible not_now(gil, exchange, false);
  if (was_stopped(gil, exchange)) return {};
  const bool interrupted =
      exchange.interrupted && cpython::error_comes_of(gil, request_timeout_.get());
  report(gil, exchange, script, interrupted, adviser_.get());
  const Outcome outcome = fail(gil, exchange);
  if (interrupted && outcome == Outcome::failed_before_headers) return {Outcome::timed_out, {}};
  return {outcome, {}};
}

Outcome Gateway::finish(Exchange& exchange, const Reply& reply) noexcept {
  if (reply.outcome != Outcome::completed) return reply.outcome;
  if (reply.body) send_end(exchange, {&*reply.body, reply.body->empty() ? 0U : 1U});
  if (exchange.client_gone) return Outcome::client_aborted;
  if (falls_short(exchange)) {
    report_short_body(exchange);
    return Outcome::failed_after_headers;
  }
  return Outcome::completed;
}

Ref Gateway::call(GilLock& gil, PyObject* application, PyObject* environ,
                  PyObject* start_response) const {
  PyObject* arguments[] = {nullptr, environ, start_response};
  return steal(gil, PyObject_Vectorcall(application, arguments + 1,
                                        2 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
}

void Gateway::deliver(GilLock& gil, PyObject* result, const StartArguments& arguments,
                      Exchange& exchange, Reply& reply) const {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) {
    deliver_sequence(gil, result, exchange, reply);
  } else if (PyBytes_Check(result) || PyUnicode_Check(result)) {
    throw Violation{std::string("TypeError: the application returned ") + Py_TYPE(result)->tp_name +
                    "; it must return an iterable of bytes, such as a list with one block"};
  } else if (PyType_IsSubtype(Py_TYPE(result),
                              reinterpret_cast<PyTypeObject*>(file_wrapper_.get())) == 0 ||
             !deliver_file(gil, result, arguments, exchange)) {
    deliver_iterable(gil, result, exchange);
  }
}

// PEP 3333, "Optional Platform-Specific File Handling". Returns false if the wrapper has to be
// iterated.
bool Gateway::deliver_file(GilLock& gil, PyObject* wrapper, const StartArguments& arguments,
                           Exchange& exchange) const {
  if (!exchange.started || exchange.sent) return false;
  Ref found = steal(gil, PyObject_CallOneArg(plain_file_.get(), wrapper));
  if (found.get() == Py_None) return false;
  int fd = -1;
  long long offset = 0;
  if (PyArg_ParseTuple(found.get(), "iL", &fd, &offset) == 0) throw ErrorSet{};
  const auto [size, lies] = size_of(gil, exchange, fd);
  // Frameworks take the file's size for the Content-Length, so that is wrong too.
  if (lies && exchange.declared == size) forget_length(gil, exchange, arguments);
  if (lies || offset >= size) return false;
  // The file is sent from its current position, and no more than the application's Content-Length.
  const std::int64_t rest = size - offset;
  exchange.length = exchange.declared < 0 ? rest : std::min(rest, exchange.declared);
  exchange.sent = exchange.ended = true;
  const ExchangeUse use(gil, exchange);
  GilRelease released(gil);
  const bool short_of = falls_short(exchange);
  if (exchange.response.send_file(fd, offset, exchange.length, short_of ? End::more : End::last) ==
      Delivery::client_gone) {
    exchange.client_gone = true;
  } else if (short_of) {
    exchange.response.abort();
  }
  return true;
}

// PEP 3333: close() is called however the request ended.
void Gateway::close(GilLock& gil, PyObject* result, Exchange& exchange) {
  if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) return;
  try {
    PyObject* method = PyObject_GetAttr(result, close_name_.get());
    if (method == nullptr && PyErr_ExceptionMatches(PyExc_AttributeError) != 0) {
      PyErr_Clear();
      return;
    }
    Ref close = steal(gil, method);
    steal(gil, PyObject_CallNoArgs(close.get()));
  } catch (const ErrorSet&) {
    if (exchange.observation != nullptr) events_.raised(gil, exchange);
    const Interruptible not_now(gil, exchange, false);
    const ErrorText error = cpython::take_error(gil, adviser_.get());
    exchange.request.log(Level::error, "BRINE0403: close() of the response raised " +
                                           error.summary + "\n" + error.traceback);
    if (!error.advice.empty()) exchange.request.log(Level::error, error.advice);
  }
}

}  // namespace brine::wsgi

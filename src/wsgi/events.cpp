#include "wsgi/events.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "wsgi/log_streams.hpp"
#include "wsgi/metrics.hpp"
#include "wsgi/server_metrics.hpp"
#include "wsgi/server_text.hpp"

namespace brine::wsgi {

using base::Level;
using cpython::borrow;
using cpython::callback;
using cpython::check;
using cpython::ErrorSet;
using cpython::ErrorText;
using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::set_item;
using cpython::steal;

namespace {

thread_local Exchange* current_exchange = nullptr;

// A longer record is cut: a formatter may have written anything.
constexpr std::size_t kLongestRecord = 65536;

Events& events_of(PyObject* self) {
  return *static_cast<Events*>(PyCapsule_GetPointer(self, nullptr));
}

Ref real(const GilLock& gil, double value) { return steal(gil, PyFloat_FromDouble(value)); }

Ref whole(const GilLock& gil, std::uint64_t value) {
  return steal(gil, PyLong_FromUnsignedLongLong(value));
}

Ref text_of(const GilLock& gil, const Exchange& exchange, Var var) {
  const std::string_view value = exchange.request.head().vars[static_cast<std::size_t>(var)];
  return steal(gil, PyUnicode_DecodeLatin1(value.data() == nullptr ? "" : value.data(),
                                           static_cast<Py_ssize_t>(value.size()), nullptr));
}

// record(level, text) logs what a logging.Handler has formatted.
PyObject* record(PyObject*, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    int level = 0;
    PyObject* message = nullptr;
    if (PyArg_ParseTuple(args, "iU", &level, &message) == 0) throw ErrorSet{};
    std::string text = as_own_text(cpython::to_utf8(gil, message));
    if (text.size() > kLongestRecord) text.resize(kLongestRecord);
    const GilRelease released(gil);  // a piped log may be slow
    current_log().log(static_cast<Level>(level), text);
    return borrow(gil, Py_None);
  });
}

// report(error, text) logs an exception with its traceback.
PyObject* report(PyObject*, PyObject* args) noexcept {
  return callback([&](GilLock& gil) {
    PyObject* error = nullptr;
    const char* what = nullptr;
    if (PyArg_ParseTuple(args, "Os", &error, &what) == 0) throw ErrorSet{};
    std::string text = what;
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
    const ErrorText raised = cpython::take_error(gil);
    text += raised.summary + "\n" + raised.traceback;
    const GilRelease released(gil);
    current_log().log(Level::error, text);
    return borrow(gil, Py_None);
  });
}

// current_id() returns the id of the request that the thread serves, or None.
PyObject* current_id(PyObject*, PyObject*) noexcept {
  return callback([&](const GilLock& gil) {
    if (current_exchange == nullptr) return borrow(gil, Py_None);
    return text_of(gil, *current_exchange, Var::request_id);
  });
}

Ref counts_of(const GilLock& gil, std::span<const std::uint64_t> counts) {
  Ref list = steal(gil, PyList_New(0));
  for (const std::uint64_t count : counts) {
    check(gil, PyList_Append(list.get(), whole(gil, count).get()));
  }
  return list;
}

Ref timing_of(const GilLock& gil, const Timing& timing) {
  const Ref buckets = counts_of(gil, timing.buckets);
  return steal(gil, Py_BuildValue("(dddO)", timing.sum, timing.least, timing.most, buckets.get()));
}

Ref thread_of(const GilLock& gil, const ThreadTotals& thread) {
  return steal(gil, Py_BuildValue("(KOdKddd)", static_cast<unsigned long long>(thread.requests),
                                  thread.is_busy ? Py_True : Py_False, thread.busy_since,
                                  static_cast<unsigned long long>(thread.completed), thread.busy,
                                  thread.cpu, thread.longest));
}

// totals() returns what Metrics has, as a dict; script/server_api.py knows its form.
PyObject* totals(PyObject*, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    const Totals found = [&] {
      const GilRelease released(gil);
      return Metrics::of_process().totals();
    }();
    Ref result = steal(gil, PyDict_New());
    PyObject* dict = result.get();
    Ref timings = steal(gil, PyDict_New());
    for (std::size_t i = 0; i < kSpans; ++i) {
      set_item(gil, timings.get(), kSpanNames[i], timing_of(gil, found.timings[i]));
    }
    Ref threads = steal(gil, PyList_New(0));
    for (const ThreadTotals& thread : found.threads) {
      check(gil, PyList_Append(threads.get(), thread_of(gil, thread).get()));
    }
    set_item(gil, dict, "timings", timings);
    set_item(gil, dict, "threads", threads);
    set_item(gil, dict, "statuses", counts_of(gil, found.statuses));
    set_item(gil, dict, "requests", whole(gil, found.requests));
    set_item(gil, dict, "input_reads", whole(gil, found.input_reads));
    set_item(gil, dict, "input_bytes", whole(gil, found.input_bytes));
    set_item(gil, dict, "output_writes", whole(gil, found.output_writes));
    set_item(gil, dict, "output_bytes", whole(gil, found.output_bytes));
    return result;
  });
}

}  // namespace

CurrentRequest::CurrentRequest(Exchange& exchange) noexcept
    : outer_(std::exchange(current_exchange, &exchange)) {}

CurrentRequest::~CurrentRequest() { current_exchange = outer_; }

// observe(publish) has requests observed; `publish` is called with the events, if it is not None.
PyObject* Events::observe(PyObject* self, PyObject* publish) noexcept {
  return callback([&](GilLock& gil) {
    if (publish != Py_None) events_of(self).publish_ = borrow(gil, publish);
    observe_requests();
    return borrow(gil, Py_None);
  });
}

PyObject* Events::current_data(PyObject* self, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    if (current_exchange == nullptr) {
      cpython::raise(gil, PyExc_RuntimeError, "no request is being served by this thread");
    }
    return events_of(self).data_of(gil, *current_exchange);
  });
}

// active() returns mod_wsgi.active_requests, which holds the requests that are observed.
PyObject* Events::active(PyObject* self, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    observe_requests();
    Events& events = events_of(self);
    PyObject* requests = events.active_requests(gil);
    if (current_exchange != nullptr) events.data_of(gil, *current_exchange);
    return borrow(gil, requests);
  });
}

Ref Events::functions(const GilLock& gil) {
  static PyMethodDef own[] = {{"observe", observe, METH_O, nullptr},
                              {"current_data", current_data, METH_NOARGS, nullptr},
                              {"active", active, METH_NOARGS, nullptr},
                              {"current_id", current_id, METH_NOARGS, nullptr},
                              {"record", record, METH_VARARGS, nullptr},
                              {"report", report, METH_VARARGS, nullptr},
                              {"totals", totals, METH_NOARGS, nullptr},
                              {"server", server_metrics, METH_NOARGS, nullptr}};
  const Ref self = steal(gil, PyCapsule_New(this, nullptr, nullptr));
  Ref result = steal(gil, PyDict_New());
  for (PyMethodDef& method : own) {
    set_item(gil, result.get(), method.ml_name, steal(gil, PyCFunction_New(&method, self.get())));
  }
  return result;
}

PyObject* Events::active_requests(const GilLock& gil) {
  if (!active_) active_ = steal(gil, PyDict_New());
  return active_.get();
}

// Returns the request's data, a dict that is made with the first use.
Ref Events::data_of(const GilLock& gil, Exchange& exchange) {
  if (exchange.has_data) return borrow(gil, data_.at(&exchange).get());
  Ref data = steal(gil, PyDict_New());
  const Ref id = text_of(gil, exchange, Var::request_id);
  check(gil, PyDict_SetItem(active_requests(gil), id.get(), data.get()));
  data_.emplace(&exchange, borrow(gil, data.get()));
  exchange.has_data = true;
  return data;
}

void Events::forget(const GilLock& gil, Exchange& exchange) noexcept {
  if (!exchange.has_data) return;
  exchange.has_data = false;
  const auto found = data_.find(&exchange);
  const Ref data = std::move(found->second);  // outlives the map's entry: it may run Python code
  data_.erase(found);
  try {
    const Ref id = text_of(gil, exchange, Var::request_id);
    if (PyDict_GetItemWithError(active_requests(gil), id.get()) == data.get()) {
      check(gil, PyDict_DelItem(active_requests(gil), id.get()));
    }
  } catch (const ErrorSet&) {
    PyErr_Clear();  // memory has run out: the entry stays until the id comes again
  }
}

Ref Events::payload(const GilLock& gil, Exchange& exchange) {
  Ref payload = steal(gil, PyDict_New());
  set_item(gil, payload.get(), "request_id", text_of(gil, exchange, Var::request_id));
  set_item(gil, payload.get(), "request_data", data_of(gil, exchange));
  return payload;
}

void Events::publish(const GilLock& gil, const char* event, PyObject* payload) const {
  steal(gil, PyObject_CallFunction(publish_.get(), "sO", event, payload));
}

namespace {

// Adds what both `request_started` and `request_finished` say of a request.
void put_times(const GilLock& gil, PyObject* dict, const Exchange& exchange) {
  const Head& head = exchange.request.head();
  set_item(gil, dict, "thread_id", steal(gil, PyLong_FromLong(head.thread_id)));
  set_item(gil, dict, "server_pid", text_of(gil, exchange, Var::server_pid));
  set_item(gil, dict, "request_start", real(gil, head.request_start));
  set_item(gil, dict, "queue_start", real(gil, head.queue_start));
  set_item(gil, dict, "daemon_start", real(gil, head.daemon_start));
  set_item(gil, dict, "application_start", real(gil, exchange.observation->application_start()));
}

}  // namespace

Ref Events::begin(const GilLock& gil, Exchange& exchange, PyObject* application,
                  PyObject* environ) {
  exchange.observation->begin();
  data_of(gil, exchange);
  if (!publish_) return borrow(gil, application);
  const Ref event = payload(gil, exchange);
  PyObject* dict = event.get();
  put_times(gil, dict, exchange);
  // A connection to a daemon process is kept, and never has to be tried again here.
  const bool in_daemon = exchange.request.head().queue_start != 0;
  set_item(gil, dict, "daemon_connects", steal(gil, PyLong_FromLong(in_daemon ? 1 : 0)));
  set_item(gil, dict, "daemon_restarts", steal(gil, PyLong_FromLong(0)));
  set_item(gil, dict, "callable_object", text_of(gil, exchange, Var::callable_object));
  set_item(gil, dict, "application_object", borrow(gil, application));
  set_item(gil, dict, "request_environ", borrow(gil, environ));
  publish(gil, "request_started", dict);
  Ref replaced = borrow(gil, PyDict_GetItemString(dict, "application_object"));
  return replaced ? std::move(replaced) : borrow(gil, application);
}

void Events::start_response(const GilLock& gil, Exchange& exchange, PyObject* status,
                            PyObject* headers, PyObject* exc_info) {
  if (!publish_) return;
  const Ref event = payload(gil, exchange);
  set_item(gil, event.get(), "response_status", borrow(gil, status));
  set_item(gil, event.get(), "response_headers", borrow(gil, headers));
  set_item(gil, event.get(), "exception_info",
           borrow(gil, exc_info == nullptr ? Py_None : exc_info));
  publish(gil, "response_started", event.get());
}

void Events::raised(const GilLock& gil, Exchange& exchange) noexcept {
  if (!publish_) return;
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  try {
    const Ref event = payload(gil, exchange);
    set_item(gil, event.get(), "exception_info",
             steal(gil, PyTuple_Pack(3, type, value, traceback == nullptr ? Py_None : traceback)));
    publish(gil, "request_exception", event.get());
  } catch (const ErrorSet&) {
    PyErr_Clear();  // memory has run out
  }
  PyErr_Restore(type, value, traceback);
}

void Events::finish(const GilLock& gil, Exchange& exchange) noexcept {
  if (!publish_) return;
  try {
    const Ref event = payload(gil, exchange);
    PyObject* dict = event.get();
    const Measures& measures = exchange.observation->measures();
    put_times(gil, dict, exchange);
    set_item(gil, dict, "application_finish",
             real(gil, exchange.observation->application_finish()));
    set_item(gil, dict, "application_time", real(gil, measures[Span::application]));
    set_item(gil, dict, "input_reads", whole(gil, measures.input_reads));
    set_item(gil, dict, "input_length", whole(gil, measures.input_bytes));
    set_item(gil, dict, "input_time", real(gil, measures[Span::input]));
    set_item(gil, dict, "output_writes", whole(gil, measures.output_writes));
    set_item(gil, dict, "output_length", whole(gil, measures.output_bytes));
    set_item(gil, dict, "output_time", real(gil, measures[Span::output]));
    set_item(gil, dict, "cpu_user_time", real(gil, measures.cpu_user));
    set_item(gil, dict, "cpu_system_time", real(gil, measures.cpu_system));
    set_item(gil, dict, "cpu_time", real(gil, measures.cpu_user + measures.cpu_system));
    set_item(gil, dict, "gil_wait_time", real(gil, measures[Span::gil]));
    set_item(gil, dict, "gil_wait_count", steal(gil, PyLong_FromLong(1)));
    set_item(gil, dict, "status", steal(gil, PyLong_FromLong(measures.status)));
    publish(gil, "request_finished", dict);
  } catch (const ErrorSet&) {
    PyErr_Clear();  // memory has run out
  }
}

}  // namespace brine::wsgi

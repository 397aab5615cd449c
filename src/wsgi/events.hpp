// Events tells the subscribers of mod_wsgi's events in one interpreter what happens to requests,
// and keeps the data that applications attach to a request.
#pragma once

#include <unordered_map>

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/observation.hpp"

namespace brine::wsgi {

/// Makes a request the one that the calling thread serves, for `mod_wsgi.request_data()`.
class CurrentRequest {
 public:
  explicit CurrentRequest(Exchange& exchange) noexcept;
  ~CurrentRequest();
  CurrentRequest(const CurrentRequest&) = delete;
  CurrentRequest& operator=(const CurrentRequest&) = delete;

 private:
  Exchange* const outer_;
};

/// The interpreter's GIL guards all members. Lives as long as the interpreter.
class Events {
 public:
  /// Returns true if somebody has subscribed.
  bool are_told(const cpython::GilLock&) const noexcept { return static_cast<bool>(publish_); }

  /// Makes a dict of the functions on which script/server_api.py is built. Throws ErrorSet.
  cpython::Ref functions(const cpython::GilLock& gil);

  /// Tells of `request_started`. Returns the application that is to be called. Throws ErrorSet for
  /// mod_wsgi.RequestTimeout in a subscriber.
  cpython::Ref begin(const cpython::GilLock& gil, Exchange& exchange, PyObject* application,
                     PyObject* environ);

  /// Tells of `response_started`. Throws ErrorSet as begin() does.
  void start_response(const cpython::GilLock& gil, Exchange& exchange, PyObject* status,
                      PyObject* headers, PyObject* exc_info);

  /// Tells of `request_exception`. The exception is set, and stays so.
  void raised(const cpython::GilLock& gil, Exchange& exchange) noexcept;

  /// Tells of `request_finished`, after the client has the response.
  void finish(const cpython::GilLock& gil, Exchange& exchange) noexcept;

  /// Drops the request's data, if it has any.
  void forget(const cpython::GilLock& gil, Exchange& exchange) noexcept;

 private:
  static PyObject* observe(PyObject* self, PyObject* publish) noexcept;
  static PyObject* current_data(PyObject* self, PyObject*) noexcept;
  static PyObject* active(PyObject* self, PyObject*) noexcept;

  cpython::Ref data_of(const cpython::GilLock& gil, Exchange& exchange);
  PyObject* active_requests(const cpython::GilLock& gil);
  cpython::Ref payload(const cpython::GilLock& gil, Exchange& exchange);
  void publish(const cpython::GilLock& gil, const char* event, PyObject* payload) const;

  cpython::Ref publish_;  ///< server_api.publish, once somebody has subscribed
  cpython::Ref active_;   ///< mod_wsgi.active_requests
  std::unordered_map<const Exchange*, cpython::Ref> data_;
};

}  // namespace brine::wsgi

// Lets one thread at a time use an exchange.
#pragma once

#include <chrono>
#include <thread>

#include "cpython/error.hpp"
#include "cpython/gil.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Marks the request as being read or written by this thread, which may release the GIL meanwhile.
/// httpd's filters take one thread only: another thread to which an application has given
/// `wsgi.input` or `write` gets a RuntimeError.
class ExchangeUse {
 public:
  ExchangeUse(const cpython::GilLock& gil, Exchange& exchange) : exchange_(exchange) {
    if (exchange.in_use) {
      cpython::raise(gil, PyExc_RuntimeError, "the request is in use by another thread");
    }
    exchange.in_use = true;
  }
  ~ExchangeUse() { exchange_.in_use = false; }
  ExchangeUse(const ExchangeUse&) = delete;
  ExchangeUse& operator=(const ExchangeUse&) = delete;

  Exchange& exchange() const noexcept { return exchange_; }

 private:
  Exchange& exchange_;
};

/// Waits, at the request's end, for a thread of the application that still reads or writes the
/// request. Such a thread is an error of the application's and rare, so it is polled for.
inline void wait_until_unused(cpython::GilLock& gil, const Exchange& exchange) {
  while (exchange.in_use) {
    const cpython::GilRelease released(gil);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace brine::wsgi

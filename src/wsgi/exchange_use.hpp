// One thread at a time works on a request.
#pragma once

#include <chrono>
#include <thread>

#include "cpython/error.hpp"
#include "cpython/gil.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Marks the request as being read or written by this thread, which may release the GIL for it.
/// httpd's filters take one thread only: another one that an application has given `wsgi.input` or
/// `write` to gets RuntimeError meanwhile.
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

/// At the request's end: waits for a thread of the application that still reads or writes it. That
/// is an error of the application's, and rare: nobody is told, so it is asked again and again.
inline void wait_until_unused(cpython::GilLock& gil, const Exchange& exchange) {
  while (exchange.in_use) {
    const cpython::GilRelease released(gil);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace brine::wsgi

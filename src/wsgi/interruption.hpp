// Tells when mod_wsgi.RequestTimeout may be raised in a request from outside.
#pragma once

#include <Python.h>

#include <utility>

#include "cpython/gil.hpp"
#include "wsgi/exchange.hpp"

namespace brine::wsgi {

/// Sets, for its life, whether the calling thread's request may be interrupted: true while the
/// application runs, false while Brine's own Python code does. Where false begins, an interruption
/// that has not reached the application is taken back, so that nothing later is hit by it.
class Interruptible {
 public:
  Interruptible(const cpython::GilLock&, Exchange& exchange, bool allowed) noexcept
      : exchange_(exchange), before_(std::exchange(exchange.interruptible, allowed)) {
    if (!allowed) take_back();
  }
  ~Interruptible() {
    exchange_.interruptible = before_;
    if (!before_) take_back();
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

 private:
  void take_back() const noexcept {
    if (exchange_.interrupted) PyThreadState_SetAsyncExc(PyThread_get_thread_ident(), nullptr);
  }

  Exchange& exchange_;
  const bool before_;
};

}  // namespace brine::wsgi

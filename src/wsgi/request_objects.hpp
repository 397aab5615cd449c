// Cuts the Python objects of a request, which the application may keep, off from it at its end.
#pragma once

#include <array>
#include <cstddef>
#include <utility>

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/exchange_use.hpp"

namespace brine::wsgi {

/// Holds the objects of one request that point to its exchange, and lives on the stack of the
/// thread that serves it. The destructor ends them, however the request has ended.
class RequestObjects {
 public:
  /// Makes an object of no more use; it must not raise.
  using End = void (*)(PyObject* object) noexcept;

  RequestObjects(cpython::GilLock& gil, const Exchange& exchange)
      : gil_(gil), exchange_(exchange) {}
  ~RequestObjects() {
    wait_until_unused(gil_, exchange_);
    for (const Held& held : held_) {
      if (held.object) held.end(held.object.get());
    }
  }
  RequestObjects(const RequestObjects&) = delete;
  RequestObjects& operator=(const RequestObjects&) = delete;

  /// Holds an object, and returns it. There is room for those that a request has.
  PyObject* hold(cpython::Ref object, End end) {
    Held& held = held_.at(count_);
    ++count_;
    held = {std::move(object), end};
    return held.object.get();
  }

 private:
  struct Held {
    cpython::Ref object;
    End end = nullptr;
  };

  cpython::GilLock& gil_;
  const Exchange& exchange_;
  std::array<Held, 5> held_;
  std::size_t count_ = 0;
};

}  // namespace brine::wsgi

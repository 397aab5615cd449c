// ServerAccess gives an environ the keys by which Python code reaches the server itself.
#pragma once

#include <array>

#include "cpython/ref.hpp"
#include "wsgi/exchange.hpp"
#include "wsgi/request_objects.hpp"
#include "wsgi/ssl_lookup.hpp"

namespace brine::wsgi {

/// Belongs to one interpreter, whose GIL guards its members.
class ServerAccess {
 public:
  explicit ServerAccess(const cpython::GilLock& gil);

  /// Sets `mod_ssl.is_https` and `mod_ssl.var_lookup`, and `apache.request_rec` if there is a
  /// Head::request_rec. They are of no more use after the request. Throws ErrorSet.
  void give(const cpython::GilLock& gil, PyObject* environ, Exchange& exchange,
            RequestObjects& objects);

 private:
  void give_lookups(const cpython::GilLock& gil, PyObject* environ, Exchange& exchange,
                    RequestObjects& objects);
  struct Lookup {
    SslFunction function;
    cpython::Ref key;
    cpython::Ref last{};  ///< the last request's, which the next one gets if nobody has kept it
  };

  cpython::Ref lookup_type_;
  std::array<Lookup, 2> lookups_;
};

}  // namespace brine::wsgi

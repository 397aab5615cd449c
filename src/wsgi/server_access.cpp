#include "wsgi/server_access.hpp"

#include "cpython/error.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

Ref interned_key(const GilLock& gil, const char* name) {
  return steal(gil, PyUnicode_InternFromString(name));
}

}  // namespace

ServerAccess::ServerAccess(const GilLock& gil)
    : lookup_type_(make_ssl_lookup_type(gil)),
      lookups_{{{SslFunction::is_https, interned_key(gil, "mod_ssl.is_https")},
                {SslFunction::var_lookup, interned_key(gil, "mod_ssl.var_lookup")}}} {}

void ServerAccess::give(const GilLock& gil, PyObject* environ, Exchange& exchange,
                        RequestObjects& objects) {
  for (Lookup& lookup : lookups_) {
    if (!lookup.last || Py_REFCNT(lookup.last.get()) != 1) {
      lookup.last = make_ssl_lookup(gil, lookup_type_.get(), lookup.function);
    }
    PyObject* const held = objects.hold(borrow(gil, lookup.last.get()), &end_ssl_lookup);
    begin_ssl_lookup(held, exchange);
    check(gil, PyDict_SetItem(environ, lookup.key.get(), held));
  }
}

}  // namespace brine::wsgi

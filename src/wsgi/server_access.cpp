#include "wsgi/server_access.hpp"

#include "cpython/error.hpp"

namespace brine::wsgi {

using cpython::borrow;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// mod_wsgi's capsule has no name, and so extension modules ask for its pointer by none. After the
// request it has this name, by which nobody asks, and no address of what httpd has freed.
constexpr char kOver[] = "apache.request_rec of a request that is over";

void end_request_rec(PyObject* capsule) noexcept {
  PyCapsule_SetName(capsule, kOver);
  PyCapsule_SetPointer(capsule, const_cast<char*>(kOver));
}

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
  give_lookups(gil, environ, exchange, objects);
  void* const request_rec = exchange.request.head().request_rec;
  if (request_rec == nullptr) return;
  const Ref capsule = steal(gil, PyCapsule_New(request_rec, nullptr, nullptr));
  objects.hold(borrow(gil, capsule.get()), &end_request_rec);
  cpython::set_item(gil, environ, "apache.request_rec", capsule);
}

void ServerAccess::give_lookups(const GilLock& gil, PyObject* environ, Exchange& exchange,
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

#include "wsgi/ssl_lookup.hpp"

#include <optional>
#include <string>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "cpython/instance.hpp"
#include "wsgi/exchange_use.hpp"
#include "wsgi/server_text.hpp"

namespace brine::wsgi {

using cpython::GilLock;
using cpython::GilRelease;
using cpython::Ref;
using cpython::steal;

namespace {

struct SslLookup {
  PyObject_HEAD Exchange* exchange;  // null after the request
  bool asks_for_https;
};

std::optional<std::string> variable(GilLock& gil, PyObject* self, const std::string& name) {
  Exchange* exchange = reinterpret_cast<SslLookup*>(self)->exchange;
  if (exchange == nullptr) {
    cpython::raise(gil, PyExc_RuntimeError, "mod_ssl cannot be asked after the request");
  }
  const ExchangeUse use(gil, *exchange);
  const GilRelease released(gil);
  return use.exchange().request.ssl_variable(name);
}

PyObject* ssl_lookup_call(PyObject* self, PyObject* args, PyObject* names) noexcept {
  return cpython::callback([&](GilLock& gil) -> Ref {
    if (names != nullptr && PyDict_GET_SIZE(names) != 0) {
      cpython::raise(gil, PyExc_TypeError, "mod_ssl's functions take no arguments by name");
    }
    if (reinterpret_cast<SslLookup*>(self)->asks_for_https) {
      if (PyArg_ParseTuple(args, ":is_https") == 0) throw cpython::ErrorSet{};
      return steal(gil, PyBool_FromLong(variable(gil, self, "HTTPS") == "on" ? 1 : 0));
    }
    const char* name = nullptr;
    if (PyArg_ParseTuple(args, "s:var_lookup", &name) == 0) throw cpython::ErrorSet{};
    const std::optional<std::string> value = variable(gil, self, name);
    return value ? to_str(gil, *value) : cpython::borrow(gil, Py_None);
  });
}

Ref make_ssl_lookup(const GilLock& gil, PyObject* type, Exchange& exchange, bool asks_for_https) {
  Ref lookup = cpython::make_instance<SslLookup>(gil, type);
  auto* members = reinterpret_cast<SslLookup*>(lookup.get());
  members->exchange = &exchange;
  members->asks_for_https = asks_for_https;
  return lookup;
}

}  // namespace

Ref make_ssl_lookup_type(const GilLock& gil) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(cpython::free_instance)},
      {Py_tp_call, reinterpret_cast<void*>(ssl_lookup_call)},
      {0, nullptr},
  };
  PyType_Spec spec = {"mod_ssl.Lookup", sizeof(SslLookup), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  return steal(gil, PyType_FromSpec(&spec));
}

Ref make_is_https(const GilLock& gil, PyObject* type, Exchange& exchange) {
  return make_ssl_lookup(gil, type, exchange, true);
}

Ref make_var_lookup(const GilLock& gil, PyObject* type, Exchange& exchange) {
  return make_ssl_lookup(gil, type, exchange, false);
}

void end_ssl_lookup(PyObject* lookup) noexcept {
  reinterpret_cast<SslLookup*>(lookup)->exchange = nullptr;
}

}  // namespace brine::wsgi

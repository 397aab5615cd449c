#include "wsgi/ssl_lookup.hpp"

#include <optional>
#include <string>
#include <utility>

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
  PyObject_HEAD Exchange* exchange;  // null before and after the request
  SslFunction function;
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

// Returns the name of a variable, which mod_wsgi takes as str or bytes.
std::string name_of(const GilLock& gil, PyObject* given) {
  std::optional<std::string> name = to_bytes(gil, given);
  if (!name) cpython::raise(gil, PyExc_TypeError, "a variable's name must be str or bytes");
  if (name->find('\0') != std::string::npos) {
    cpython::raise(gil, PyExc_ValueError, "a variable's name has no null character");
  }
  return std::move(*name);
}

PyObject* ssl_lookup_call(PyObject* self, PyObject* args, PyObject* names) noexcept {
  return cpython::callback([&](GilLock& gil) -> Ref {
    if (names != nullptr && PyDict_GET_SIZE(names) != 0) {
      cpython::raise(gil, PyExc_TypeError, "mod_ssl's functions take no arguments by name");
    }
    if (reinterpret_cast<SslLookup*>(self)->function == SslFunction::is_https) {
      if (PyArg_ParseTuple(args, ":is_https") == 0) throw cpython::ErrorSet{};
      return steal(gil, PyBool_FromLong(variable(gil, self, "HTTPS") == "on" ? 1 : 0));
    }
    PyObject* given = nullptr;
    if (PyArg_ParseTuple(args, "O:var_lookup", &given) == 0) throw cpython::ErrorSet{};
    const std::optional<std::string> value = variable(gil, self, name_of(gil, given));
    return value ? to_str(gil, *value) : cpython::borrow(gil, Py_None);
  });
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

Ref make_ssl_lookup(const GilLock& gil, PyObject* type, SslFunction function) {
  Ref lookup = cpython::make_instance<SslLookup>(gil, type);
  auto* members = reinterpret_cast<SslLookup*>(lookup.get());
  members->exchange = nullptr;
  members->function = function;
  return lookup;
}

void begin_ssl_lookup(PyObject* lookup, Exchange& exchange) noexcept {
  reinterpret_cast<SslLookup*>(lookup)->exchange = &exchange;
}

void end_ssl_lookup(PyObject* lookup) noexcept {
  reinterpret_cast<SslLookup*>(lookup)->exchange = nullptr;
}

}  // namespace brine::wsgi

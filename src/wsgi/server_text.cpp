#include "wsgi/server_text.hpp"

namespace brine::wsgi {

using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

Ref to_str(const GilLock& gil, std::string_view bytes) {
  const auto size = static_cast<Py_ssize_t>(bytes.size());
  PyObject* text = PyUnicode_DecodeUTF8(bytes.data(), size, "strict");
  if (text == nullptr && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError) != 0) {
    PyErr_Clear();
    text = PyUnicode_DecodeLatin1(bytes.data(), size, nullptr);
  }
  return steal(gil, text);
}

std::optional<std::string> to_bytes(const GilLock& gil, PyObject* object) {
  if (PyBytes_Check(object)) {
    return std::string(PyBytes_AS_STRING(object),
                       static_cast<std::size_t>(PyBytes_GET_SIZE(object)));
  }
  if (!PyUnicode_Check(object)) return std::nullopt;
  const Ref bytes = steal(gil, PyUnicode_AsUTF8String(object));
  return to_bytes(gil, bytes.get());
}

}  // namespace brine::wsgi

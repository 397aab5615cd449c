#include "cpython/error.hpp"

#include <cstring>

namespace brine::cpython {
namespace {

// Returns the traceback without its first frames that are bootstrap.py's: they tell how a script is
// run, not where it fails.
Ref without_own_frames(const GilLock& gil, PyObject* traceback) {
  Ref at = borrow(gil, traceback);
  while (at && at.get() != Py_None) {
    Ref frame = steal(gil, PyObject_GetAttrString(at.get(), "tb_frame"));
    Ref code = steal(gil, PyObject_GetAttrString(frame.get(), "f_code"));
    Ref file = steal(gil, PyObject_GetAttrString(code.get(), "co_filename"));
    if (PyUnicode_CompareWithASCIIString(file.get(), "<brine>") != 0) break;
    at = steal(gil, PyObject_GetAttrString(at.get(), "tb_next"));
  }
  return at;
}

std::string format_traceback(const GilLock& gil, PyObject* type, PyObject* value, PyObject* tb) {
  Ref start = without_own_frames(gil, tb);
  Ref module = steal(gil, PyImport_ImportModule("traceback"));
  Ref lines = steal(gil, PyObject_CallMethod(module.get(), "format_exception", "OOO", type, value,
                                             start ? start.get() : Py_None));
  Ref empty = steal(gil, PyUnicode_FromString(""));
  Ref text = steal(gil, PyUnicode_Join(empty.get(), lines.get()));
  std::string result = to_utf8(gil, text.get());
  while (!result.empty() && result.back() == '\n') result.pop_back();
  return result;
}

std::string summarise(const GilLock& gil, PyObject* type, PyObject* value) {
  std::string name = PyType_Check(type) ? reinterpret_cast<PyTypeObject*>(type)->tp_name : "?";
  if (auto dot = name.rfind('.'); dot != std::string::npos) name.erase(0, dot + 1);
  Ref words = steal(gil, PyObject_Str(value));
  std::string text = to_utf8(gil, words.get());
  if (auto end = text.find('\n'); end != std::string::npos) text.resize(end);
  return text.empty() ? name : name + ": " + text;
}

std::string advice_of(const GilLock& gil, PyObject* adviser, PyObject* value) {
  if (adviser == nullptr) return {};
  try {
    Ref advice = steal(gil, PyObject_CallOneArg(adviser, value));
    return advice.get() == Py_None ? std::string() : to_utf8(gil, advice.get());
  } catch (const ErrorSet&) {
    PyErr_Clear();
    return {};
  }
}

}  // namespace

ErrorText take_error(const GilLock& gil, PyObject* adviser) noexcept {
  PyObject *raw_type = nullptr, *raw_value = nullptr, *raw_traceback = nullptr;
  // PyErr_Fetch() is deprecated since 3.12, but 3.10 has nothing else.
  PyErr_Fetch(&raw_type, &raw_value, &raw_traceback);
  PyErr_NormalizeException(&raw_type, &raw_value, &raw_traceback);
  if (raw_type == nullptr) return {"no exception is set", "", false, ""};
  try {
    Ref type = steal(gil, raw_type);
    Ref value = raw_value == nullptr ? borrow(gil, Py_None) : steal(gil, raw_value);
    Ref traceback = raw_traceback == nullptr ? Ref() : steal(gil, raw_traceback);
    ErrorText text;
    text.system_exit = PyErr_GivenExceptionMatches(type.get(), PyExc_SystemExit) != 0;
    try {
      text.summary = summarise(gil, type.get(), value.get());
    } catch (const ErrorSet&) {
      PyErr_Clear();
      text.summary = Py_TYPE(value.get())->tp_name;
    }
    try {
      text.traceback = format_traceback(gil, type.get(), value.get(), traceback.get());
    } catch (const ErrorSet&) {
      PyErr_Clear();
      text.traceback = text.summary + " (its traceback cannot be formatted)";
    }
    if (traceback) PyException_SetTraceback(value.get(), traceback.get());
    text.advice = advice_of(gil, adviser, value.get());
    return text;
  } catch (...) {  // memory has run out
    PyErr_Clear();
    return {};
  }
}

bool error_comes_of(const GilLock& gil, PyObject* type) noexcept {
  constexpr int kMost = 100;  // a program can make a circular chain
  PyObject *set_type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&set_type, &value, &traceback);
  PyErr_NormalizeException(&set_type, &value, &traceback);
  bool found = false;
  Ref at = borrow(gil, value);
  for (int i = 0; at && !found && i < kMost; ++i) {
    found = PyErr_GivenExceptionMatches(at.get(), type) != 0;
    PyObject* earlier = PyException_GetCause(at.get());
    if (earlier == nullptr) earlier = PyException_GetContext(at.get());
    at = earlier == nullptr ? Ref() : steal(gil, earlier);
  }
  PyErr_Restore(set_type, value, traceback);
  return found;
}

void raise(const GilLock&, PyObject* type, std::string_view message) {
  PyObject* text =
      PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "replace");
  if (text != nullptr) {
    PyErr_SetObject(type, text);
    Py_DECREF(text);
  }
  throw ErrorSet{};
}

std::string to_utf8(const GilLock& gil, PyObject* object) noexcept {
  try {
    Ref bytes = steal(gil, PyUnicode_AsEncodedString(object, "utf-8", "backslashreplace"));
    return std::string(PyBytes_AS_STRING(bytes.get()),
                       static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get())));
  } catch (...) {
    PyErr_Clear();
    return "?";
  }
}

Ref from_utf8(const GilLock& gil, std::string_view text) {
  return steal(gil, PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()),
                                         "backslashreplace"));
}

}  // namespace brine::cpython

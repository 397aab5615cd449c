#include "pickle/find_class.hpp"

#include <cstring>
#include <mutex>

#include "cpython/error.hpp"

namespace brine::pickle {

using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;

namespace {

constexpr const char* kEvent = "pickle.find_class";
// In the interpreter's own dictionary, which lives as long as it does.
constexpr const char* kKey = "brine.find_class";

// The audit hook. CPython calls it for each event of each interpreter, so what is no pickle's is
// told by one comparison; a hook in Python would cost each id() a call.
int on_event(const char* event, PyObject* arguments, void*) {
  if (std::strcmp(event, kEvent) != 0) return 0;
  PyObject* own = PyInterpreterState_GetDict(PyInterpreterState_Get());
  PyObject* checker = own != nullptr ? PyDict_GetItemString(own, kKey) : nullptr;
  if (checker == nullptr) return 0;
  PyObject* answer = PyObject_CallObject(checker, arguments);
  if (answer == nullptr) return -1;
  Py_DECREF(answer);
  return 0;
}

}  // namespace

void watch_find_class(const GilLock& gil, PyObject* checker) {
  PyObject* own = PyInterpreterState_GetDict(PyInterpreterState_Get());
  if (own == nullptr) throw ErrorSet{};
  check(gil, PyDict_SetItemString(own, kKey, checker));
  // A hook stays for as long as the process does, and is one for all of its interpreters.
  static std::once_flag once;
  int failed = 0;
  std::call_once(once, [&] { failed = PySys_AddAuditHook(on_event, nullptr); });
  check(gil, failed);
}

}  // namespace brine::pickle

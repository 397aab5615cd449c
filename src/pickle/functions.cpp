// dumps, dump, loads and load, as programs find them in `pickle`, with pickle's signatures.
// Arguments that do not fit these are passed on, so that pickle raises its own exception.
#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "cpython/fast_function.hpp"
#include "pickle/module.hpp"
#include "pickle/writer.hpp"

namespace brine::pickle {

using cpython::callback;
using cpython::FastFunction;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;
using cpython::untyped;

namespace {

// The arguments of a vectorcall (PEP 590).
struct Arguments {
  PyObject* const* values;
  Py_ssize_t positional;
  PyObject* keywords;  // tuple of names, or null

  Py_ssize_t named() const { return keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0; }
  bool is_called(Py_ssize_t keyword, const char* name) const {
    return PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, keyword), name) == 0;
  }
  // Returns the index in `values`; -1 if the argument is not given.
  Py_ssize_t place_of(Py_ssize_t position, const char* name) const {
    if (position >= 0 && position < positional) return position;
    for (Py_ssize_t i = 0; i < named(); ++i) {
      if (is_called(i, name)) return positional + i;
    }
    return -1;
  }
  // Returns a borrowed reference; null if the argument is not given.
  PyObject* get(Py_ssize_t position, const char* name) const {
    const Py_ssize_t place = place_of(position, name);
    return place >= 0 ? values[place] : nullptr;
  }
  // Returns true if there are no more positional arguments and no other keywords than these, and
  // none is given twice.
  bool fit(Py_ssize_t most, std::initializer_list<const char*> names) const {
    if (positional > most) return false;
    for (Py_ssize_t i = 0; i < named(); ++i) {
      const auto* const found = std::find_if(names.begin(), names.end(),
                                             [&](const char* name) { return is_called(i, name); });
      if (found == names.end() || found - names.begin() < positional) return false;
    }
    return true;
  }
  PyObject* pass_to(const FastFunction& function) const {
    return function.call(values, positional, keywords);
  }
  PyObject* pass_to(const Ref& function) const {
    return PyObject_Vectorcall(function.get(), values, static_cast<std::size_t>(positional),
                               keywords);
  }
};

int protocol_of(const Arguments& arguments, Py_ssize_t position) {
  return as_protocol(arguments.get(position, "protocol"));
}

bool buffers_leave(const Arguments& arguments) {
  PyObject* callback = arguments.get(-1, "buffer_callback");
  return callback != nullptr && callback != Py_None;
}

// Returns true unless it is the arguments that dumps() refuses.
bool is_sound(const Arguments& arguments) {
  const int protocol = protocol_of(arguments, 1);
  return arguments.get(0, "obj") != nullptr &&
         arguments.fit(2, {"obj", "protocol", "fix_imports", "buffer_callback"}) &&
         protocol <= kHighestProtocol &&
         (!buffers_leave(arguments) || protocol >= kHighestProtocol);
}

// dumps(obj, protocol=None, *, fix_imports=True, buffer_callback=None)
PyObject* dumps(PyObject* module, PyObject* const* values, Py_ssize_t count,
                PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    const Arguments arguments{values, count, keywords};
    const Policy policy = guard.policy();
    if (policy == Policy::off) return steal(gil, arguments.pass_to(guard.pickle_dumps));
    auto dump = [&] { return Dump{arguments.get(0, "obj"), protocol_of(arguments, 1)}; };
    if (buffers_leave(arguments) && arguments.get(0, "obj") != nullptr) {
      guard.before_dump(gil, policy, dump());
    }
    PyObject* made = arguments.pass_to(guard.pickle_dumps);
    if (made == nullptr) {
      if (is_sound(arguments)) guard.after_failure(gil, policy, dump());
      return Ref();  // to throw would take as long as most of pickle's refusals
    }
    Ref stream = steal(gil, made);
    const std::string_view part = guard.part_with_globals(bytes_of(made), Memo::used);
    if (!part.empty() && guard.judge(gil, policy, dump(), bytes_of(made), part)) {
      if (!buffers_leave(arguments)) guard.sample(gil, policy, made, nullptr);
    } else if (!part.empty()) {
      guard.remember(gil, made);
    }
    return stream;
  });
}

// dump(obj, file, protocol=None, *, fix_imports=True, buffer_callback=None)
PyObject* dump(PyObject* module, PyObject* const* values, Py_ssize_t count,
               PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    const Arguments arguments{values, count, keywords};
    PyObject* object = arguments.get(0, "obj");
    PyObject* file = arguments.get(1, "file");
    Ref writer;
    if (guard.policy() != Policy::off && object != nullptr && file != nullptr &&
        arguments.fit(3, {"obj", "file", "protocol", "fix_imports", "buffer_callback"})) {
      writer = make_writer(gil, guard, file);
    }
    if (!writer) return steal(gil, arguments.pass_to(guard.pickle_dump));
    stream_of(writer.get()).single = true;
    stream_of(writer.get()).buffers_leave = buffers_leave(arguments);
    const auto positional = static_cast<std::size_t>(count);
    std::vector<PyObject*> passed(values, values + count + arguments.named());
    passed[static_cast<std::size_t>(arguments.place_of(1, "file"))] = writer.get();
    return guarded_dump(gil, guard, writer.get(), {object, protocol_of(arguments, 2)},
                        {guard.pickle_dump.get(), passed.data(), positional, keywords});
  });
}

// loads(data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())
PyObject* loads(PyObject* module, PyObject* const* values, Py_ssize_t count,
                PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    PyObject* loaded = Arguments{values, count, keywords}.pass_to(guard.pickle_loads);
    if (loaded == nullptr && count > 0) {
      guard.after_failed_load(gil, values[0], nullptr, nullptr);
    }
    Ref result = steal(gil, loaded);
    guard.after_load(gil, values[0]);
    return result;
  });
}

// load(file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())
PyObject* load(PyObject* module, PyObject* const* values, Py_ssize_t count,
               PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    const Arguments arguments{values, count, keywords};
    if (guard.policy() == Policy::off || arguments.get(0, "file") == nullptr ||
        !arguments.fit(1, {"file", "fix_imports", "encoding", "errors", "buffers"})) {
      PyObject* loaded = arguments.pass_to(guard.pickle_load);
      if (loaded == nullptr) guard.after_failed_load(gil, nullptr, nullptr, nullptr);
      return steal(gil, loaded);
    }
    // load() has consumed the stream, but the Unpickler knows which name it looked for.
    PyObject* made = arguments.pass_to(guard.guarded_unpickler);
    if (made == nullptr && PyErr_ExceptionMatches(PyExc_TypeError) != 0) {
      PyErr_Clear();  // its message would name Unpickler()
      return steal(gil, arguments.pass_to(guard.pickle_load));
    }
    Ref unpickler = steal(gil, made);
    PyObject* loaded = PyObject_CallOneArg(guard.unpickler_load.get(), unpickler.get());
    if (loaded == nullptr) guard.after_failed_load(gil, nullptr, nullptr, nullptr);
    return steal(gil, loaded);
  });
}

PyMethodDef functions[] = {
    {"dumps", untyped(dumps), METH_FASTCALL | METH_KEYWORDS,
     "dumps($module, /, obj, protocol=None, *, fix_imports=True, buffer_callback=None)\n--\n\n"
     "Return the pickled representation of the object as a bytes object."},
    {"dump", untyped(dump), METH_FASTCALL | METH_KEYWORDS,
     "dump($module, /, obj, file, protocol=None, *, fix_imports=True, buffer_callback=None)\n--\n\n"
     "Write a pickled representation of obj to the open file object file."},
    {"loads", untyped(loads), METH_FASTCALL | METH_KEYWORDS,
     "loads($module, data, /, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())\n"
     "--\n\nRead and return an object from the given pickle data."},
    {"load", untyped(load), METH_FASTCALL | METH_KEYWORDS,
     "load($module, /, file, *, fix_imports=True, encoding='ASCII', errors='strict', buffers=())\n"
     "--\n\nRead and return an object from the pickle data stored in a file."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

PyMethodDef* guarded_functions() noexcept { return functions; }

}  // namespace brine::pickle

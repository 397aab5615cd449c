#include "pickle/pickler.hpp"

#include <structmember.h>

#include <utility>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "pickle/module.hpp"
#include "pickle/writer.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::callback;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;
using cpython::untyped;

namespace {

// The slot of a guarded Pickler that holds its writer.
constexpr const char* kWriterSlot = "_brine_writer";

// Returns the place where a Pickler keeps its writer; null if it is no guarded one. What its class
// says of attributes is passed by.
PyObject** writer_place(const Guard& guard, PyObject* pickler) {
  auto* type = reinterpret_cast<PyTypeObject*>(guard.guarded_pickler.get());
  if (PyObject_TypeCheck(pickler, type) == 0) return nullptr;
  return reinterpret_cast<PyObject**>(reinterpret_cast<char*>(pickler) + guard.writer_offset);
}

// Returns the writer of a guarded Pickler; empty if a subclass has not called Pickler.__init__.
Ref writer_in(const GilLock& gil, const Guard& guard, PyObject* pickler) {
  PyObject** const place = writer_place(guard, pickler);
  if (place == nullptr || *place == nullptr) return {};
  auto* type = reinterpret_cast<PyTypeObject*>(guard.writer_type.get());
  return Py_IS_TYPE(*place, type) ? borrow(gil, *place) : Ref();
}

// --- the methods of the guarded classes -------------------------------------------------------
// They are functions of the module brine._guard, which is their `module`, and get the Pickler or
// Unpickler as their first argument.

bool is_named(PyObject* keywords, Py_ssize_t index, const char* name) {
  return PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, index), name) == 0;
}

// Calls pickle's own Pickler.__init__ by its slot, which costs half of what a call by name does.
void init(const GilLock& gil, const Guard& guard, const std::vector<PyObject*>& passed,
          Py_ssize_t count, PyObject* keywords) {
  Ref positional = steal(gil, PyTuple_New(count - 1));
  for (Py_ssize_t i = 1; i < count; ++i) {
    PyTuple_SET_ITEM(positional.get(), i - 1, Py_NewRef(passed[static_cast<std::size_t>(i)]));
  }
  Ref named;
  if (keywords != nullptr && PyTuple_GET_SIZE(keywords) > 0) {
    named = steal(gil, PyDict_New());
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(keywords); ++i) {
      check(gil, PyDict_SetItem(named.get(), PyTuple_GET_ITEM(keywords, i),
                                passed[static_cast<std::size_t>(count + i)]));
    }
  }
  auto* type = reinterpret_cast<PyTypeObject*>(guard.pickler_type.get());
  check(gil, type->tp_init(passed[0], positional.get(), named.get()));
}

// Pickler.__init__(file, protocol=None, fix_imports=True, buffer_callback=None)
PyObject* pickler_init(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                       PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    const Py_ssize_t named = keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0;
    std::vector<PyObject*> passed(arguments, arguments + count + named);
    Py_ssize_t file = count > 1 ? 1 : -1;
    PyObject* protocol = count > 2 ? arguments[2] : nullptr;
    bool buffers_leave = count > 4 && arguments[4] != Py_None;
    for (Py_ssize_t i = 0; i < named; ++i) {
      if (is_named(keywords, i, "file")) file = count + i;
      if (is_named(keywords, i, "protocol")) protocol = arguments[count + i];
      if (is_named(keywords, i, "buffer_callback")) {
        buffers_leave = arguments[count + i] != Py_None;
      }
    }
    Ref writer;
    if (file >= 0 && count > 0) {
      writer = make_writer(gil, guard, passed[static_cast<std::size_t>(file)]);
    }
    if (writer) {
      DumpStream& stream = stream_of(writer.get());
      stream.buffers_leave = buffers_leave;
      stream.protocol = as_protocol(protocol);
      // A second __init__() keeps the memo, which the new writer has not seen.
      stream.lost = static_cast<bool>(writer_in(gil, guard, arguments[0]));
      passed[static_cast<std::size_t>(file)] = writer.get();
    }
    PyObject** const place = count > 0 ? writer_place(guard, arguments[0]) : nullptr;
    if (place == nullptr) {
      return steal(gil, PyObject_Vectorcall(guard.pickler_init.get(), passed.data(),
                                            static_cast<std::size_t>(count), keywords));
    }
    init(gil, guard, passed, count, keywords);
    if (writer) Py_XSETREF(*place, writer.release());
    return borrow(gil, Py_None);
  });
}

// Pickler.dump(obj)
PyObject* pickler_dump(PyObject* module, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    Ref writer = count == 2 ? writer_in(gil, guard, arguments[0]) : Ref();
    if (!writer) {
      return steal(gil, PyObject_Vectorcall(guard.pickler_dump.get(), arguments,
                                            static_cast<std::size_t>(count), nullptr));
    }
    return guarded_dump(gil, guard, writer.get(), {.object = arguments[1], .pickler = arguments[0]},
                        {guard.pickler_dump.get(), arguments, 2});
  });
}

// Pickler.clear_memo()
PyObject* pickler_clear_memo(PyObject* module, PyObject* const* arguments,
                             Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    Ref writer = count == 1 ? writer_in(gil, guard, arguments[0]) : Ref();
    if (writer) stream_of(writer.get()).forget_memo();
    return steal(gil, PyObject_Vectorcall(guard.pickler_clear_memo.get(), arguments,
                                          static_cast<std::size_t>(count), nullptr));
  });
}

// Pickler.memo: get, set and delete. Code that has the memo can change it at any time.
PyObject* pickler_memo(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                       const char* method) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    Ref writer = writer_in(gil, guard, arguments[0]);
    if (writer) stream_of(writer.get()).memo_shown = true;
    Ref function = steal(gil, PyObject_GetAttrString(guard.pickler_memo.get(), method));
    return steal(gil, PyObject_Vectorcall(function.get(), arguments,
                                          static_cast<std::size_t>(count), nullptr));
  });
}

PyObject* get_memo(PyObject* module, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return pickler_memo(module, arguments, count, "__get__");
}

PyObject* set_memo(PyObject* module, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return pickler_memo(module, arguments, count, "__set__");
}

PyObject* delete_memo(PyObject* module, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return pickler_memo(module, arguments, count, "__delete__");
}

// Unpickler.find_class(module_name, global_name)
PyObject* unpickler_find_class(PyObject* module, PyObject* const* arguments,
                               Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    PyObject* found = PyObject_Vectorcall(guard.unpickler_find_class.get(), arguments,
                                          static_cast<std::size_t>(count), nullptr);
    if (found == nullptr && count == 3) {
      guard.after_failed_load(gil, nullptr, arguments[1], arguments[2]);
    }
    return steal(gil, found);
  });
}

// Unpickler.load()
PyObject* unpickler_load(PyObject* module, PyObject* const* arguments, Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    PyObject* loaded = PyObject_Vectorcall(guard.unpickler_load.get(), arguments,
                                           static_cast<std::size_t>(count), nullptr);
    if (loaded == nullptr && count == 1) {
      guard.after_failed_load(gil, nullptr, nullptr, nullptr);
    }
    return steal(gil, loaded);
  });
}

PyMethodDef pickler_init_def = {"__init__", untyped(pickler_init), METH_FASTCALL | METH_KEYWORDS,
                                "__init__($module, self, /, file, protocol=None, fix_imports=True, "
                                "buffer_callback=None)\n--\n\n"
                                "See pickle.Pickler."};
PyMethodDef pickler_dump_def = {
    "dump", untyped(pickler_dump), METH_FASTCALL,
    "dump($module, self, obj, /)\n--\n\nWrite a pickled representation of obj to the open file."};
PyMethodDef pickler_clear_memo_def = {
    "clear_memo", untyped(pickler_clear_memo), METH_FASTCALL,
    "clear_memo($module, self, /)\n--\n\nClears the pickler's \"memo\"."};
PyMethodDef get_memo_def = {"memo", untyped(get_memo), METH_FASTCALL, nullptr};
PyMethodDef set_memo_def = {"memo", untyped(set_memo), METH_FASTCALL, nullptr};
PyMethodDef delete_memo_def = {"memo", untyped(delete_memo), METH_FASTCALL, nullptr};
PyMethodDef unpickler_load_def = {
    "load", untyped(unpickler_load), METH_FASTCALL,
    "load($module, self, /)\n--\n\nLoad a pickle from the file that was given to Unpickler()."};
PyMethodDef unpickler_find_class_def = {
    "find_class", untyped(unpickler_find_class), METH_FASTCALL,
    "find_class($module, self, module_name, global_name, /)\n--\n\n"
    "Return an object from a specified module."};

// Makes a subclass of one of pickle's classes by type(name, (base,), names), with pickle's name and
// module.
Ref make_class(const GilLock& gil, const char* name, PyObject* base, const char* slot) {
  Ref names = steal(gil, PyDict_New());
  Ref slots = slot != nullptr ? steal(gil, Py_BuildValue("(s)", slot)) : steal(gil, PyTuple_New(0));
  Ref home = steal(gil, PyUnicode_InternFromString("pickle"));
  Ref doc = steal(gil, PyObject_GetAttrString(base, "__doc__"));
  check(gil, PyDict_SetItemString(names.get(), "__slots__", slots.get()));
  check(gil, PyDict_SetItemString(names.get(), "__module__", home.get()));
  check(gil, PyDict_SetItemString(names.get(), "__doc__", doc.get()));
  return steal(gil, PyObject_CallFunction(reinterpret_cast<PyObject*>(&PyType_Type), "s(O)O", name,
                                          base, names.get()));
}

void add_method(const GilLock& gil, const Ref& type, PyMethodDef& method, PyObject* module) {
  Ref home = steal(gil, PyUnicode_InternFromString("pickle"));
  Ref function = steal(gil, PyCFunction_NewEx(&method, module, home.get()));
  Ref bound = steal(gil, PyInstanceMethod_New(function.get()));
  check(gil, PyObject_SetAttrString(type.get(), method.ml_name, bound.get()));
}

void add_memo(const GilLock& gil, const Ref& type, PyObject* module) {
  Ref get = steal(gil, PyCFunction_NewEx(&get_memo_def, module, nullptr));
  Ref set = steal(gil, PyCFunction_NewEx(&set_memo_def, module, nullptr));
  Ref remove = steal(gil, PyCFunction_NewEx(&delete_memo_def, module, nullptr));
  Ref memo = steal(gil, PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyProperty_Type),
                                                     get.get(), set.get(), remove.get(), nullptr));
  check(gil, PyObject_SetAttrString(type.get(), "memo", memo.get()));
}

}  // namespace

Ref make_pickler_type(const GilLock& gil, Guard& guard, PyObject* module) {
  Ref type = make_class(gil, "Pickler", guard.pickler_type.get(), kWriterSlot);
  Ref slot = steal(gil, PyObject_GetAttrString(type.get(), kWriterSlot));
  guard.writer_offset = reinterpret_cast<PyMemberDescrObject*>(slot.get())->d_member->offset;
  add_method(gil, type, pickler_init_def, module);
  add_method(gil, type, pickler_dump_def, module);
  add_method(gil, type, pickler_clear_memo_def, module);
  add_memo(gil, type, module);
  return type;
}

Ref make_unpickler_type(const GilLock& gil, Guard& guard, PyObject* module) {
  Ref type = make_class(gil, "Unpickler", guard.unpickler_type.get(), nullptr);
  add_method(gil, type, unpickler_load_def, module);
  add_method(gil, type, unpickler_find_class_def, module);
  return type;
}

}  // namespace brine::pickle

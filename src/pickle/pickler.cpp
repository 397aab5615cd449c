#include "pickle/pickler.hpp"

#include <memory>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "pickle/module.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::callback;
using cpython::check;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// The slot of a guarded Pickler that holds its writer.
constexpr const char* kWriterSlot = "_brine_writer";

// What one Pickler writes, over all of its dumps: they share its memo.
class DumpStream final : public GlobalSink {
 public:
  enum class Mode : std::uint8_t {
    pass,   ///< not looked at
    watch,  ///< passed on at once
    hold,   ///< kept until the dump has been judged
  };

  explicit DumpStream(Guard& guard) : guard_(guard) {}

  void begin(GilLock& gil, Policy policy) {
    gil_ = &gil;
    policy_ = policy;
    suspects.clear();
    understood = !lost;
    mode = refuses(policy) ? Mode::hold : Mode::watch;
  }
  void end() noexcept {
    gil_ = nullptr;
    mode = Mode::pass;
  }

  void global(const Global& global) override {
    if (global.kind != Global::Kind::named) {
      understood = false;
    } else if (guard_.is_suspect(*gil_, policy_, global.module, global.name)) {
      suspects.emplace_back(global.module, global.name);
    }
  }

  Mode mode = Mode::pass;
  bool buffers_leave = false;  ///< the Pickler has a buffer_callback
  bool understood = true;
  bool lost = false;  ///< a dump has failed: pickle's memo has what was never written
  Suspects suspects;
  std::vector<Ref> held;
  Scanner scanner{*this, Scanner::Source::pickler, Limits::none()};

 private:
  Guard& guard_;
  GilLock* gil_ = nullptr;
  Policy policy_ = Policy::off;
};

struct Writer {
  PyObject_HEAD PyObject* write;  // the file's own, owned
  DumpStream* stream;             // owned
};

Writer& writer_of(PyObject* self) { return *reinterpret_cast<Writer*>(self); }

void scan(const GilLock& gil, DumpStream& stream, PyObject* chunk) {
  Py_buffer view;
  check(gil, PyObject_GetBuffer(chunk, &view, PyBUF_SIMPLE));
  const std::unique_ptr<Py_buffer, decltype(&PyBuffer_Release)> release(&view, PyBuffer_Release);
  stream.scanner.feed({static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)});
}

// write(chunk): what pickle's own Pickler calls.
PyObject* writer_write(PyObject* self, PyObject* chunk) noexcept {
  return callback([&](GilLock& gil) {
    Writer& writer = writer_of(self);
    DumpStream& stream = *writer.stream;
    if (stream.mode != DumpStream::Mode::pass) scan(gil, stream, chunk);
    if (stream.mode != DumpStream::Mode::hold) {
      return steal(gil, PyObject_CallOneArg(writer.write, chunk));
    }
    // Pickle hands large values over as they are: one that can change is copied.
    stream.held.push_back(PyBytes_CheckExact(chunk) ? borrow(gil, chunk)
                                                    : steal(gil, PyBytes_FromObject(chunk)));
    return borrow(gil, Py_None);
  });
}

int writer_traverse(PyObject* self, visitproc visit, void* arg) noexcept {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(writer_of(self).write);
  return 0;
}

int writer_clear(PyObject* self) noexcept {
  Py_CLEAR(writer_of(self).write);
  return 0;
}

void writer_dealloc(PyObject* self) noexcept {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  writer_clear(self);
  delete writer_of(self).stream;
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

PyMethodDef writer_methods[] = {
    {"write", writer_write, METH_O, "write(chunk): passes it on, or holds it"},
    {nullptr, nullptr, 0, nullptr},
};

// Passes on what was held, in the pieces in which pickle wrote it.
void release_held(const GilLock& gil, Writer& writer) {
  std::vector<Ref> held = std::move(writer.stream->held);
  writer.stream->held.clear();
  for (const Ref& chunk : held) {
    steal(gil, PyObject_CallOneArg(writer.write, chunk.get()));
  }
}

// The writer of a guarded Pickler; empty where a subclass has not called Pickler.__init__.
Ref writer_in(const GilLock& gil, const Guard& guard, PyObject* pickler) {
  PyObject* found = PyObject_GetAttrString(pickler, kWriterSlot);
  if (found == nullptr) {
    PyErr_Clear();
    return {};
  }
  Ref writer = steal(gil, found);
  auto* type = reinterpret_cast<PyTypeObject*>(guard.writer_type.get());
  return Py_IS_TYPE(found, type) ? std::move(writer) : Ref();
}

// --- the methods of the guarded classes -------------------------------------------------------
// They are functions of the module brine._guard, which is their `module`, and get the Pickler or
// Unpickler as their first argument.

bool is_named(PyObject* keywords, Py_ssize_t index, const char* name) {
  return PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, index), name) == 0;
}

// Pickler.__init__(file, protocol=None, fix_imports=True, buffer_callback=None)
PyObject* pickler_init(PyObject* module, PyObject* const* arguments, Py_ssize_t count,
                       PyObject* keywords) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    const Py_ssize_t named = keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0;
    std::vector<PyObject*> passed(arguments, arguments + count + named);
    Py_ssize_t file = count > 1 ? 1 : -1;
    bool buffers_leave = count > 4 && arguments[4] != Py_None;
    for (Py_ssize_t i = 0; i < named; ++i) {
      if (is_named(keywords, i, "file")) file = count + i;
      if (is_named(keywords, i, "buffer_callback")) {
        buffers_leave = arguments[count + i] != Py_None;
      }
    }
    Ref writer;
    if (file >= 0) writer = make_writer(gil, guard, passed[static_cast<std::size_t>(file)]);
    if (writer) {
      writer_of(writer.get()).stream->buffers_leave = buffers_leave;
      passed[static_cast<std::size_t>(file)] = writer.get();
    }
    Ref init = steal(gil, PyObject_GetAttrString(guard.pickler_type.get(), "__init__"));
    Ref result = steal(gil, PyObject_Vectorcall(init.get(), passed.data(),
                                                static_cast<std::size_t>(count), keywords));
    if (writer) check(gil, PyObject_SetAttrString(arguments[0], kWriterSlot, writer.get()));
    return result;
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
    const bool buffers_leave = writer_of(writer.get()).stream->buffers_leave;
    return guarded_dump(gil, guard, writer.get(), arguments[0],
                        {.object = arguments[1], .pickler = arguments[0]}, buffers_leave);
  });
}

// Pickler.clear_memo()
PyObject* pickler_clear_memo(PyObject* module, PyObject* const* arguments,
                             Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    Ref writer = count == 1 ? writer_in(gil, guard, arguments[0]) : Ref();
    if (writer) writer_of(writer.get()).stream->scanner.forget_memo();
    return steal(gil, PyObject_Vectorcall(guard.pickler_clear_memo.get(), arguments,
                                          static_cast<std::size_t>(count), nullptr));
  });
}

// Unpickler.find_class(module_name, global_name)
PyObject* unpickler_find_class(PyObject* module, PyObject* const* arguments,
                               Py_ssize_t count) noexcept {
  return callback([&](GilLock& gil) {
    Guard& guard = guard_of(module);
    PyObject* found = PyObject_Vectorcall(guard.unpickler_find_class.get(), arguments,
                                          static_cast<std::size_t>(count), nullptr);
    if (found == nullptr && count == 3 && guard.policy() != Policy::off) {
      guard.after_failed_load(gil, nullptr, arguments[1], arguments[2]);
    }
    return steal(gil, found);
  });
}

// PyMethodDef has one type of function for all calling conventions.
template <class Function>
PyCFunction untyped(Function* function) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
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
PyMethodDef unpickler_find_class_def = {
    "find_class", untyped(unpickler_find_class), METH_FASTCALL,
    "find_class($module, self, module_name, global_name, /)\n--\n\n"
    "Return an object from a specified module."};

// A subclass of one of pickle's classes, which programs take for it: type(name, (base,), names).
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

}  // namespace

Ref make_writer_type(const GilLock& gil) {
  PyType_Slot slots[] = {
      {Py_tp_dealloc, reinterpret_cast<void*>(writer_dealloc)},
      {Py_tp_traverse, reinterpret_cast<void*>(writer_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(writer_clear)},
      {Py_tp_methods, writer_methods},
      {0, nullptr},
  };
  PyType_Spec spec = {"brine._guard.Writer", sizeof(Writer), 0,
                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                      slots};
  return steal(gil, PyType_FromSpec(&spec));
}

Ref make_writer(const GilLock& gil, Guard& guard, PyObject* file) {
  PyObject* found = PyObject_GetAttrString(file, "write");
  if (found == nullptr) {
    PyErr_Clear();
    return {};
  }
  Ref write = steal(gil, found);
  auto stream = std::make_unique<DumpStream>(guard);
  auto* type = reinterpret_cast<PyTypeObject*>(guard.writer_type.get());
  Ref made = steal(gil, reinterpret_cast<PyObject*>(PyObject_GC_New(Writer, type)));
  writer_of(made.get()).write = write.release();
  writer_of(made.get()).stream = stream.release();
  PyObject_GC_Track(made.get());
  return made;
}

Ref guarded_dump(GilLock& gil, Guard& guard, PyObject* writer_object, PyObject* pickler,
                 const Dump& dump, bool buffers_leave) {
  Writer& writer = writer_of(writer_object);
  DumpStream& stream = *writer.stream;
  PyObject* arguments[] = {pickler, dump.object};
  auto pickle = [&] {
    return PyObject_Vectorcall(guard.pickler_dump.get(), arguments, 2, nullptr);
  };
  const Policy policy = guard.policy();
  // A dump within a dump of the same Pickler is part of it.
  if (policy == Policy::off || stream.mode != DumpStream::Mode::pass) return steal(gil, pickle());
  if (buffers_leave && refuses(policy)) guard.after_success(gil, policy, dump, nullptr);
  stream.begin(gil, policy);
  PyObject* result = pickle();
  const bool understood = stream.understood && stream.scanner.fault() == nullptr;
  const Suspects suspects = std::move(stream.suspects);
  stream.end();
  if (result == nullptr) {
    stream.lost = true;
    guard.after_failure(gil, policy, dump);
    stream.held.clear();
    throw ErrorSet{};
  }
  Ref done = steal(gil, result);
  try {
    if (!understood || !suspects.empty()) {
      guard.after_success(gil, policy, dump, understood ? &suspects : nullptr);
    }
  } catch (const ErrorSet&) {
    stream.held.clear();
    throw;
  }
  release_held(gil, writer);
  return done;
}

Ref make_pickler_type(const GilLock& gil, Guard& guard, PyObject* module) {
  Ref type = make_class(gil, "Pickler", guard.pickler_type.get(), kWriterSlot);
  add_method(gil, type, pickler_init_def, module);
  add_method(gil, type, pickler_dump_def, module);
  add_method(gil, type, pickler_clear_memo_def, module);
  return type;
}

Ref make_unpickler_type(const GilLock& gil, Guard& guard, PyObject* module) {
  Ref type = make_class(gil, "Unpickler", guard.unpickler_type.get(), nullptr);
  add_method(gil, type, unpickler_find_class_def, module);
  return type;
}

}  // namespace brine::pickle

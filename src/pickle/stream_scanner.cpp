// brine._guard.StreamScanner gives Python the scanner for streams of strangers.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "pickle/module.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {

using cpython::callback;
using cpython::check;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// At most this much is kept of a stream's globals, since a few bytes of a stream can name the same
// long names again.
constexpr std::size_t kMostGlobals = 100'000;
constexpr std::size_t kMostText = 16 << 20;

// Collects the globals as plain C++ values, so that no Python object is made while a block is read.
class Collector final : public GlobalSink {
 public:
  std::uint32_t global(const Global& global) override {
    text += global.module.size() + global.name.size();
    if (globals.size() < kMostGlobals && text <= kMostText) {
      globals.push_back({global.kind, std::string(global.module), std::string(global.name),
                         global.position, global.opcode});
    } else {
      overfull = true;
    }
    return 0;
  }

  struct Seen {
    Global::Kind kind;
    std::string module, name;
    std::uint64_t position;
    std::uint8_t opcode;
  };
  std::vector<Seen> globals;
  std::size_t text = 0;  ///< bytes of all names
  bool overfull = false;
  Scanner scanner{*this, Scanner::Source::stranger};
};

struct StreamScanner {
  PyObject_HEAD Collector* collector;  // owned
};

Collector& collector_of(PyObject* self) {
  return *reinterpret_cast<StreamScanner*>(self)->collector;
}

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    auto collector = std::make_unique<Collector>();
    Ref made = steal(gil, type->tp_alloc(type, 0));
    reinterpret_cast<StreamScanner*>(made.get())->collector = collector.release();
    return made;
  });
}

void destroy(PyObject* self) noexcept {
  PyTypeObject* type = Py_TYPE(self);
  delete reinterpret_cast<StreamScanner*>(self)->collector;
  type->tp_free(self);
  Py_DECREF(type);
}

const char* kind_name(Global::Kind kind) {
  switch (kind) {
    case Global::Kind::named:
      return "named";
    case Global::Kind::extension:
      return "extension";
    case Global::Kind::changed:
      return "changed";
    case Global::Kind::memo:
      return "memo";
    case Global::Kind::length:
      return "length";
    case Global::Kind::computed:
      break;
  }
  return "computed";
}

Ref describe(const GilLock& gil, const Collector::Seen& seen) {
  return steal(
      gil,
      Py_BuildValue("(sOOKi)", kind_name(seen.kind), cpython::from_utf8(gil, seen.module).get(),
                    cpython::from_utf8(gil, seen.name).get(),
                    static_cast<unsigned long long>(seen.position), static_cast<int>(seen.opcode)));
}

PyObject* feed(PyObject* self, PyObject* block) noexcept {
  return callback([&](GilLock& gil) {
    Py_buffer view;
    check(gil, PyObject_GetBuffer(block, &view, PyBUF_SIMPLE));
    const std::unique_ptr<Py_buffer, decltype(&PyBuffer_Release)> release(&view, PyBuffer_Release);
    Collector& collector = collector_of(self);
    collector.scanner.feed(
        {static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)});
    const bool goes_on = collector.scanner.fault() == nullptr && !collector.overfull;
    return cpython::borrow(gil, goes_on ? Py_True : Py_False);
  });
}

PyObject* finish(PyObject* self, PyObject*) noexcept {
  return callback([&](GilLock& gil) {
    Collector& collector = collector_of(self);
    if (!collector.overfull) collector.scanner.finish();  // else the rest has not been read
    const char* fault = collector.scanner.fault();
    if (fault == nullptr && collector.overfull) fault = "names more globals than can be listed";
    Ref globals = steal(gil, PyList_New(0));
    for (const Collector::Seen& seen : collector.globals) {
      check(gil, PyList_Append(globals.get(), describe(gil, seen).get()));
    }
    return steal(gil, Py_BuildValue("(OzKKK)", globals.get(), fault,
                                    static_cast<unsigned long long>(collector.scanner.position()),
                                    static_cast<unsigned long long>(collector.scanner.pickles()),
                                    static_cast<unsigned long long>(collector.scanner.end())));
  });
}

PyMethodDef methods[] = {
    {"feed", feed, METH_O,
     "feed($self, block, /)\n--\n\nThe stream's next bytes. False: more of it is of no use."},
    {"finish", finish, METH_NOARGS,
     "finish($self, /)\n--\n\n"
     "(globals, fault or None, position of the fault or the end, complete pickles, end of the last "
     "of\n"
     "these). A global is (kind, module, name, position, opcode); its kind is named, extension,\n"
     "computed, changed, memo or length."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

Ref make_stream_scanner_type(const GilLock& gil) {
  static char doc[] =
      "StreamScanner()\n--\n\nLists the globals of a pickle stream without executing anything.";
  PyType_Slot slots[] = {
      {Py_tp_new, reinterpret_cast<void*>(make)},
      {Py_tp_dealloc, reinterpret_cast<void*>(destroy)},
      {Py_tp_methods, methods},
      {Py_tp_doc, doc},
      {0, nullptr},
  };
  PyType_Spec spec = {"brine._guard.StreamScanner", sizeof(StreamScanner), 0, Py_TPFLAGS_DEFAULT,
                      slots};
  return steal(gil, PyType_FromSpec(&spec));
}

}  // namespace brine::pickle

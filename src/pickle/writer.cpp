#include "pickle/writer.hpp"

#include <algorithm>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpython/callback.hpp"
#include "cpython/error.hpp"
#include "pickle/sampler.hpp"

namespace brine::pickle {

using cpython::borrow;
using cpython::callback;
using cpython::ErrorSet;
using cpython::GilLock;
using cpython::Ref;
using cpython::steal;

namespace {

// The first chunk that a Pickler has written is kept for a later dump, which may refer to it, if it
// is no longer than this.
constexpr Py_ssize_t kMostKept = 1 << 16;

struct Writer {
  PyObject_HEAD PyObject* write;  // of the file, owned
  DumpStream* stream;             // owned
};

Writer& writer_of(PyObject* self) { return *reinterpret_cast<Writer*>(self); }

// Returns the number of entries in the memo of a Pickler.
std::size_t memo_size(const GilLock& gil, const Guard& guard, PyObject* pickler) {
  Ref memo = steal(gil, PyObject_CallMethod(guard.pickler_memo.get(), "__get__", "O", pickler));
  Ref entries = steal(gil, PyObject_CallMethod(memo.get(), "copy", nullptr));
  const Py_ssize_t size = PyObject_Size(entries.get());
  if (size < 0) throw ErrorSet{};
  return static_cast<std::size_t>(size);
}

// Returns true if a Pickler writes names without memoizing them. What its class says of attributes
// is passed by.
bool is_fast(const Guard& guard, PyObject* pickler) noexcept {
  PyObject* member = guard.pickler_fast.get();
  PyObject* value = Py_TYPE(member)->tp_descr_get(member, pickler, nullptr);
  if (value == nullptr) PyErr_Clear();
  const bool is_false = value != nullptr && PyObject_IsTrue(value) == 0;
  Py_XDECREF(value);
  return !is_false;
}

// Returns the length of a chunk, of which nothing is copied; one that cannot be read is too long.
std::size_t size_of(PyObject* chunk) noexcept {
  if (PyBytes_CheckExact(chunk)) return bytes_of(chunk).size();
  Py_buffer view;
  if (PyObject_GetBuffer(chunk, &view, PyBUF_SIMPLE) < 0) {
    PyErr_Clear();
    return kLargestSample + 1;
  }
  const auto size = static_cast<std::size_t>(view.len);
  PyBuffer_Release(&view);
  return size;
}

// write(chunk) is what pickle's own Pickler calls.
PyObject* writer_write(PyObject* self, PyObject* chunk) noexcept {
  return callback([&](GilLock& gil) {
    Writer& writer = writer_of(self);
    DumpStream& stream = *writer.stream;
    if (writer.write == nullptr) cpython::raise(gil, PyExc_ValueError, "the Pickler is no more");
    if (stream.mode != DumpStream::Mode::pass) stream.read(chunk);
    if (stream.mode != DumpStream::Mode::hold) {
      PyObject* result = PyObject_CallOneArg(writer.write, chunk);
      stream.file_failed = result == nullptr;
      return steal(gil, result);
    }
    // Pickle passes large values on as they are; one that can change is copied.
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

}  // namespace

std::string_view bytes_of(PyObject* object) noexcept {
  return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
}

void DumpStream::begin(GilLock& gil, Policy policy, PyObject* pickler) {
  gil_ = &gil;
  policy_ = policy;
  feed_first();
  suspicion = {};  // what the scanner has seen now was judged with an earlier dump
  names_globals_ = false;
  fed_ = 0;
  keeps_ = std::exchange(is_fresh_, false) && !lost && !memo_shown && !buffers_leave &&
           guard_.sampling(policy) != 0;
  if (lost || memo_shown) start_anew(gil, pickler);
  memo_ = pickler != nullptr && is_fast(guard_, pickler) ? Memo::may_lack : Memo::used;
  file_failed = false;
  mode = refuses(policy) ? Mode::hold : Mode::watch;
}

void DumpStream::end() noexcept {
  gil_ = nullptr;
  mode = Mode::pass;
  if (single) first_ = Ref();
  kept_.clear();
  kept_size_ = 0;
}

bool DumpStream::understood() const noexcept {
  return suspicion.understood && !lost && (!scanner_ || scanner_->fault() == nullptr);
}

std::uint32_t DumpStream::global(const Global& global) {
  names_globals_ = true;
  return guard_.note_global(*gil_, policy_, global, suspicion);
}

void DumpStream::call(const Call& call) { guard_.note_call(*gil_, call, suspicion); }

void DumpStream::read(PyObject* chunk) noexcept {
  if (lost) return;
  if (keeps_) keep(chunk);
  const bool is_first = !std::exchange(begun_, true);
  if (is_first && PyBytes_CheckExact(chunk) && (single || PyBytes_GET_SIZE(chunk) <= kMostKept)) {
    first_ = borrow(*gil_, chunk);
    return;
  }
  feed_first();
  Py_buffer view;
  if (PyObject_GetBuffer(chunk, &view, PyBUF_SIMPLE) < 0) {
    PyErr_Clear();
    lost = true;
    return;
  }
  const std::unique_ptr<Py_buffer, decltype(&PyBuffer_Release)> release(&view, PyBuffer_Release);
  feed({static_cast<const char*>(view.buf), static_cast<std::size_t>(view.len)});
}

void DumpStream::finish(PyObject* pickler) noexcept {
  // An object that was pickled may have made the Pickler fast on the way.
  if (pickler != nullptr && is_fast(guard_, pickler)) memo_ = Memo::may_lack;
  follow_first();
  guard_.note_followed(fed_, suspicion);
}

void DumpStream::follow_first() noexcept {
  if (!first_ || lost) return;
  const std::string_view stream = bytes_of(first_.get());
  const std::string_view part = guard_.part_with_globals(stream, memo_);
  names_globals_ = !part.empty();
  try {
    if (!names_globals_ || guard_.is_harmless(policy_, part)) return;
  } catch (const std::bad_alloc&) {
    lost = true;
    return;
  }
  if (!single) return feed_first();  // later dumps may refer to all of it
  feed(part);
  // Calls lie behind the last global too.
  if (!suspicion.watched.empty()) feed(stream.substr(part.size()));
}

// Keeps a piece of what may be checked by a round trip; one that can change is copied, unless the
// dump is too long with it.
void DumpStream::keep(PyObject* chunk) noexcept {
  kept_size_ += size_of(chunk);
  try {
    if (kept_size_ <= kLargestSample) {
      kept_.push_back(PyBytes_CheckExact(chunk) ? borrow(*gil_, chunk)
                                                : steal(*gil_, PyBytes_FromObject(chunk)));
      return;
    }
  } catch (const ErrorSet&) {
    PyErr_Clear();
  } catch (const std::bad_alloc&) {
    // This dump is not checked.
  }
  keeps_ = false;
  kept_.clear();
}

Ref DumpStream::whole() const noexcept {
  if (!keeps_ || !names_globals_ || kept_.empty()) return {};
  if (kept_.size() == 1) return borrow(*gil_, kept_.front().get());
  try {
    Ref joined =
        steal(*gil_, PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(kept_size_)));
    char* end = PyBytes_AS_STRING(joined.get());
    for (const Ref& piece : kept_) end = std::ranges::copy(bytes_of(piece.get()), end).out;
    return joined;
  } catch (const ErrorSet&) {
    PyErr_Clear();
    return {};
  }
}

void DumpStream::forget_memo() noexcept {
  if (mode == Mode::pass) {  // between dumps: what was judged is of no use any more
    first_ = Ref();
    begun_ = false;
    is_fresh_ = true;
  }
  feed_first();
  if (scanner_) scanner_->forget_memo();
}

void DumpStream::feed(std::string_view bytes) noexcept {
  try {
    if (!scanner_) {
      scanner_ = std::make_unique<Scanner>(*this, Scanner::Source::pickler, Limits::none());
    }
    fed_ += bytes.size();
    scanner_->feed(bytes);
  } catch (const std::bad_alloc&) {
    lost = true;
  }
}

void DumpStream::feed_first() noexcept {
  if (!first_) return;
  const Ref first = std::move(first_);
  feed(bytes_of(first.get()));
}

// Starts with as many memo entries as pickle's memo has, none of which counts as a name.
void DumpStream::start_anew(GilLock& gil, PyObject* pickler) noexcept {
  try {
    scanner_ = std::make_unique<Scanner>(*this, Scanner::Source::pickler, Limits::none());
    begun_ = true;
    std::string entries;
    for (std::size_t count = memo_size(gil, guard_, pickler); count > 0; --count) {
      entries.append("N\x94\x30", 3);  // None, MEMOIZE, POP
    }
    scanner_->feed(entries + "N.");
    lost = false;
  } catch (const std::bad_alloc&) {
    lost = true;
  } catch (const ErrorSet&) {
    PyErr_Clear();
    lost = true;
  }
}

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
  PyObject* found = PyObject_GetAttr(file, guard.name_of_write.get());
  if (found == nullptr) {
    // Another error must not let the dump pass without the guard.
    if (PyErr_ExceptionMatches(PyExc_AttributeError) == 0) throw cpython::ErrorSet{};
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

DumpStream& stream_of(PyObject* writer) noexcept { return *writer_of(writer).stream; }

Ref guarded_dump(GilLock& gil, Guard& guard, PyObject* writer_object, const Dump& dump,
                 const VectorCall& call) {
  Writer& writer = writer_of(writer_object);
  DumpStream& stream = *writer.stream;
  auto pickle = [&] {
    return PyObject_Vectorcall(call.function, call.arguments, call.positional, call.keywords);
  };
  const Policy policy = guard.policy();
  auto* own_type = reinterpret_cast<PyTypeObject*>(guard.guarded_pickler.get());
  // A dump within a dump of the same Pickler is part of that.
  if (stream.mode != DumpStream::Mode::pass) return steal(gil, pickle());
  if (policy == Policy::off) {
    stream.lost = true;  // the scanner does not see what it memoizes
    return steal(gil, pickle());
  }
  if (stream.buffers_leave) guard.before_dump(gil, policy, dump);
  stream.begin(gil, policy, dump.pickler);
  PyObject* result = pickle();
  if (result != nullptr) stream.finish(dump.pickler);
  const bool understood = stream.understood();
  const Suspicion suspicion = std::move(stream.suspicion);
  const Ref sampled = understood && suspicion.empty() ? stream.whole() : Ref();
  stream.end();
  if (result == nullptr) {
    stream.lost = true;
    Dump failed = dump;
    if (failed.protocol < 0) failed.protocol = stream.protocol;
    if (!stream.file_failed) guard.after_failure(gil, policy, failed);
    stream.held.clear();
    return {};  // to throw would take longer than most of pickle's refusals
  }
  Ref done = steal(gil, result);
  try {
    if (!understood || !suspicion.empty()) {
      guard.after_success(gil, policy, dump, understood ? &suspicion : nullptr);
    }
  } catch (const ErrorSet&) {
    stream.held.clear();
    throw;
  }
  release_held(gil, writer);
  if (sampled) guard.sample(gil, policy, sampled.get(), dump.pickler);
  if (dump.pickler != nullptr && !Py_IS_TYPE(dump.pickler, own_type)) {
    guard.after_dump_by_other(gil, dump);
  }
  return done;
}

}  // namespace brine::pickle

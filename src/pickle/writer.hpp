// A writer stands between a Pickler and its file: it scans what is written, and holds back what
// must not leave yet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cpython/ref.hpp"
#include "pickle/guard.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {

/// Returns the contents of a bytes object.
std::string_view bytes_of(PyObject* object) noexcept;

/// The output of one Pickler in all of its dumps, which share its memo.
class DumpStream final : public GlobalSink {
 public:
  enum class Mode : std::uint8_t {
    pass,   ///< not scanned
    watch,  ///< scanned, and passed on at once
    hold,   ///< scanned, and kept until the dump has been judged
  };

  explicit DumpStream(Guard& guard) noexcept : guard_(guard) {}

  void begin(cpython::GilLock& gil, Policy policy, PyObject* pickler);
  void end() noexcept;

  /// Scans a chunk, or keeps the first one of all for `finish`. If memory runs out, the dump goes
  /// on, and the object will be examined.
  void read(PyObject* chunk) noexcept;

  /// Scans what was kept: most dumps are written at once, and then no more than the part with
  /// globals has to be followed, if that.
  void finish(PyObject* pickler) noexcept;

  /// Returns the dump if it names a global, was kept, and can be loaded by itself; else empty.
  cpython::Ref whole() const noexcept;

  /// Returns true if the dump could be followed to its end.
  bool understood() const noexcept;

  /// Notes that the Pickler has forgotten its memo.
  void forget_memo() noexcept;

  std::uint32_t global(const Global& global) override;
  void call(const Call& call) override;

  Mode mode = Mode::pass;
  bool single = false;         ///< the Pickler makes this one dump: no later one needs its memo
  bool buffers_leave = false;  ///< the Pickler has a buffer_callback
  bool file_failed = false;    ///< the file's write() has raised an exception
  int protocol = -1;           ///< of the Pickler; -1: pickle's default
  bool memo_shown = false;     ///< the program has accessed the Pickler's memo
  bool lost = false;           ///< pickle's memo has entries that the scanner did not see
  Suspicion suspicion;
  std::vector<cpython::Ref> held;

 private:
  void follow_first() noexcept;
  void keep(PyObject* chunk) noexcept;
  void feed(std::string_view bytes) noexcept;
  void feed_first() noexcept;
  void start_anew(cpython::GilLock& gil, PyObject* pickler) noexcept;

  Guard& guard_;
  std::size_t fed_ = 0;               // bytes of the current dump that the scanner has seen
  std::unique_ptr<Scanner> scanner_;  // null: nothing had to be followed yet
  cpython::Ref first_;                // the first chunk of all, which the scanner has not seen
  bool begun_ = false;                // a chunk was written
  bool names_globals_ = false;        // the current dump does
  Memo memo_ = Memo::used;            // whether the current dump memoizes names
  bool is_fresh_ = true;              // pickle's memo is empty when the next dump begins
  bool keeps_ = false;                // the current dump may be checked by a round trip
  std::vector<cpython::Ref> kept_;    // its pieces
  std::size_t kept_size_ = 0;
  cpython::GilLock* gil_ = nullptr;  // of the current dump
  Policy policy_ = Policy::off;
};

/// Makes the type of the file that a guarded Pickler writes to. Throws ErrorSet.
cpython::Ref make_writer_type(const cpython::GilLock& gil);

/// Makes a writer for `file`; empty if that has no `write`, for which pickle raises its own
/// exception. Throws ErrorSet.
cpython::Ref make_writer(const cpython::GilLock& gil, Guard& guard, PyObject* file);

/// Returns the stream of a writer.
DumpStream& stream_of(PyObject* writer) noexcept;

/// A call by vectorcall (PEP 590).
struct VectorCall {
  PyObject* function;
  PyObject* const* arguments;
  std::size_t positional;
  PyObject* keywords = nullptr;
};

/// Has pickle make a dump, by a call of its own function that writes to `writer`, and judges what
/// was written. Returns empty, with Python's exception set, if pickle fails. Throws ErrorSet if
/// hazards are refused and there is one: then nothing has been written.
cpython::Ref guarded_dump(cpython::GilLock& gil, Guard& guard, PyObject* writer, const Dump& dump,
                          const VectorCall& call);

}  // namespace brine::pickle

// What stands between a Pickler and its file: reads along, and holds back what is not to leave yet.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpython/ref.hpp"
#include "pickle/guard.hpp"
#include "pickle/scanner.hpp"

namespace brine::pickle {

/// What one Pickler writes, over all of its dumps: they share its memo.
class DumpStream final : public GlobalSink {
 public:
  enum class Mode : std::uint8_t {
    pass,   ///< not looked at
    watch,  ///< passed on at once
    hold,   ///< kept until the dump has been judged
  };

  explicit DumpStream(Guard& guard);

  void begin(cpython::GilLock& gil, Policy policy, PyObject* pickler);
  void end() noexcept;

  /// Reads along. Where that fails for want of memory, the dump goes on, and the object will be
  /// examined.
  void read(PyObject* chunk) noexcept;

  /// Whether the dump could be followed to its end.
  bool understood() const noexcept;

  /// The Pickler has forgotten its memo.
  void forget_memo() noexcept { scanner_->forget_memo(); }

  void global(const Global& global) override;

  Mode mode = Mode::pass;
  bool buffers_leave = false;  ///< the Pickler has a buffer_callback
  bool memo_shown = false;     ///< the program has had the Pickler's memo in its hands
  bool lost = false;           ///< pickle's memo has entries that were not seen here
  Suspects suspects;
  std::vector<cpython::Ref> held;

 private:
  void start_anew(cpython::GilLock& gil, PyObject* pickler) noexcept;

  Guard& guard_;
  std::optional<Scanner> scanner_;
  bool understood_ = true;
  cpython::GilLock* gil_ = nullptr;  // of the dump that is under way
  Policy policy_ = Policy::off;
};

/// The type of the file that a guarded Pickler writes to.
cpython::Ref make_writer_type(const cpython::GilLock& gil);

/// A writer for `file`; empty where that has no `write`: pickle says so in its own words.
cpython::Ref make_writer(const cpython::GilLock& gil, Guard& guard, PyObject* file);

/// What is written to a writer.
DumpStream& stream_of(PyObject* writer) noexcept;

/// Runs pickle's `dump` of a Pickler that writes to `writer`, and judges what it wrote. Throws
/// ErrorSet where pickle fails, or hazards are refused and there is one: then nothing has left.
cpython::Ref guarded_dump(cpython::GilLock& gil, Guard& guard, PyObject* writer, PyObject* pickler,
                          const Dump& dump);

}  // namespace brine::pickle

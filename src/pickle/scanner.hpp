// Scanner finds the globals that a pickle would import. It reads the opcodes, executes nothing, and
// does not use Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "pickle/opcodes.hpp"

namespace brine::pickle {

/// A place where a stream names a global. The views live as long as the call of
/// GlobalSink::global().
struct Global {
  enum class Kind : std::uint8_t {
    named,      ///< module and name are what the stream says
    extension,  ///< `name` is the code of copyreg.add_extension, in digits
    computed,   ///< the operands of STACK_GLOBAL are no texts, or do not look like names
    changed,    ///< no name: the object of an earlier name is changed, as by BUILD on a class
    memo,       ///< no name: a memo entry whose number makes the unpickler's memo enormous
    length,     ///< no name: an enormous length is claimed, and what is there is far shorter
  };
  Kind kind = Kind::named;
  std::string_view module;
  std::string_view name;
  /// Of the opcode, in bytes from the stream's start; of a claimed length the last byte that is
  /// there.
  std::uint64_t position = 0;
  std::uint8_t opcode = 0;
};

/// A call by which an object is made when the stream is loaded.
struct Call {
  enum class How : std::uint8_t {
    reduce,         ///< callable(*arguments)
    new_object,     ///< class.__new__(class, *arguments)
    new_object_ex,  ///< likewise with keyword arguments, which are not known
  };
  std::uint32_t callee = 0;  ///< what GlobalSink::global() returned
  How how = How::reduce;
  std::uint32_t arguments = 0;  ///< how many, without keywords
};

/// Receives each global, in the stream's order.
class GlobalSink {
 public:
  /// Returns a number by which call() will name the global; 0: its calls do not matter.
  virtual std::uint32_t global(const Global& global) = 0;

  /// Receives the calls of globals that have a number.
  virtual void call(const Call& /*call*/) {}

 protected:
  ~GlobalSink() = default;
};

/// Limits of what a stream can make a scanner remember. The defaults bound it to some 400 MB,
/// whatever the stream says.
struct Limits {
  std::size_t stack = 8 << 20;  ///< values
  std::size_t memo = 8 << 20;   ///< entries; one far beyond the others counts as four
  /// Bytes of texts that are kept from one feed() to the next. A text beyond this limit is unknown
  /// if it names a global later.
  std::size_t names = 64 << 20;

  static constexpr Limits none() {
    constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
    return {kMost, kMost, kMost};
  }
};

/// Follows the unpickler's stack and memo, and keeps only their texts. The time is linear in the
/// bytes of the stream, whatever lengths it claims.
class Scanner {
 public:
  /// The writer of a stream.
  enum class Source : std::uint8_t {
    stranger,  ///< may contain anything; each pickle in it stands alone
    pickler,   ///< written by one Pickler, whose pickles share its memo
  };

  Scanner(GlobalSink& sink, Source source, Limits limits = {}) noexcept
      : sink_(sink), source_(source), limits_(limits) {}
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  /// Takes the next bytes of the stream, which may end anywhere.
  void feed(std::string_view bytes);

  /// Notes the stream's end, also after a fault.
  void finish();

  /// Takes the start of a stream at once: like feed(), but nothing is kept and nothing may follow.
  void scan(std::string_view bytes);

  /// Notes that the Pickler has forgotten its memo (Pickler.clear_memo).
  void forget_memo() noexcept;

  /// Returns what is wrong with the stream, as a sentence without its subject; null: nothing.
  const char* fault() const noexcept { return fault_; }
  /// Returns where it is wrong, in bytes from the stream's start.
  std::uint64_t position() const noexcept { return position_; }
  /// Returns where the last complete pickle ends.
  std::uint64_t end() const noexcept { return end_; }
  /// Returns how many complete pickles have been read.
  std::uint64_t pickles() const noexcept { return pickles_; }

 private:
  struct Value {
    enum class Kind : std::uint8_t {
      other,
      mark,
      text,
      obscure,  ///< a text that is not known, or cannot be a name
      absent,   ///< no value: a gap in the memo
      global,   ///< the object of a global; `size` is the sink's number of it
      tuple,    ///< of `size` values
    };
    const char* start = nullptr;
    std::uint32_t size = 0;
    Kind kind = Kind::other;
    bool kept = false;  ///< `start` points into names_, not into the bytes of this feed()

    std::string_view view() const noexcept { return {start, size}; }
    bool is_name() const noexcept;
  };

  std::size_t process(std::string_view bytes);
  std::size_t skip(std::size_t available) noexcept;
  std::size_t skip_line(std::string_view rest) noexcept;
  std::size_t step(std::string_view rest);
  std::size_t step_sized(const Opcode& opcode, std::string_view rest);
  std::size_t step_line(const Opcode& opcode, std::string_view rest);
  std::size_t step_names(const Opcode& opcode, std::string_view rest);
  std::size_t step_number(const Opcode& opcode, std::string_view rest);
  void apply(const Opcode& opcode, std::uint64_t number);
  void frame(std::uint64_t length) noexcept;
  bool crosses_frame(std::size_t used) noexcept;
  void stop() noexcept;
  void put(std::uint64_t index);
  void note_number(std::uint64_t index);
  void note_claim();
  void get(std::uint64_t index);
  void name_global(const Opcode& opcode, std::string_view module, std::string_view name);
  void stack_global();
  void call(Call::How how, std::size_t operands);
  void push(Value value);
  bool pop(std::size_t count);
  bool pop_to_mark();
  std::size_t above_mark() const noexcept;
  void shrink_stack(std::size_t size) noexcept;
  bool has_top();
  void change_top();
  void keep_names();
  void keep(Value& value);
  std::size_t fail(const char* what) noexcept;

  GlobalSink& sink_;
  const Source source_;
  const Limits limits_;
  std::vector<Value> stack_;
  std::size_t kept_stack_ = 0;  // values below this index have been kept, see keep()
  std::vector<Value> memo_;     // entries 0, 1, 2, ..., with small gaps
  std::size_t kept_memo_ = 0;
  // Entries beyond a wide gap. Not a hash table, since a stranger chooses the keys.
  std::map<std::uint64_t, Value> sparse_memo_;
  std::size_t memo_entries_ = 0;          // entries of both
  std::forward_list<std::string> names_;  // texts of earlier bytes
  std::size_t names_size_ = 0;
  std::string carry_;             // the beginning of an opcode that is incomplete
  std::uint64_t skip_bytes_ = 0;  // bytes of an argument that are skipped
  bool in_line_ = false;          // a line is skipped up to its newline
  bool in_ascii_line_ = false;    // that is a number or a persistent id
  std::uint64_t frame_end_ = 0;   // position behind the last announced frame
  std::uint64_t position_ = 0;
  std::uint64_t pickles_ = 0;
  std::uint64_t end_ = 0;      // of the last complete pickle
  std::uint64_t opcodes_ = 0;  // of the pickle that is being read
  const char* fault_ = nullptr;
};

}  // namespace brine::pickle

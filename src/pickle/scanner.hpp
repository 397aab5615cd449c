// Which globals a pickle would import: reads the opcodes and executes nothing. Knows no Python.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pickle/opcodes.hpp"

namespace brine::pickle {

/// A place where a stream names a global. The views live as long as the call that hands them out.
struct Global {
  enum class Kind : std::uint8_t {
    named,      ///< module and name are what the stream says
    extension,  ///< `name` is the code of copyreg.add_extension, in digits
    computed,   ///< the operands of STACK_GLOBAL are no plain texts
  };
  Kind kind = Kind::named;
  std::string_view module;
  std::string_view name;
  std::uint64_t position = 0;  ///< of the opcode, in bytes from the stream's start
  std::uint8_t opcode = 0;
};

/// Is told of each global, in the stream's order.
class GlobalSink {
 public:
  virtual void global(const Global& global) = 0;

 protected:
  ~GlobalSink() = default;
};

/// How much a stream may make a scanner remember. The defaults bound it to some 400 MB, whatever
/// the stream says.
struct Limits {
  std::size_t stack = 10'000'000;  ///< values
  std::size_t memo = 10'000'000;   ///< entries
  std::size_t names = 64'000'000;  ///< bytes of texts kept from one feed() to the next

  static constexpr Limits none() {
    constexpr std::size_t kMost = std::numeric_limits<std::size_t>::max();
    return {kMost, kMost, kMost};
  }
};

/// Follows the unpickler's stack and memo, of which it keeps the texts alone. Time is linear in the
/// bytes of the stream, whatever lengths it claims.
class Scanner {
 public:
  /// Whose stream it is.
  enum class Source : std::uint8_t {
    stranger,  ///< may be anything; each pickle in it stands alone
    pickler,   ///< written by one Pickler, whose pickles share its memo
  };

  Scanner(GlobalSink& sink, Source source, Limits limits = {}) noexcept
      : sink_(sink), source_(source), limits_(limits) {}
  Scanner(const Scanner&) = delete;
  Scanner& operator=(const Scanner&) = delete;

  /// The next bytes of the stream, which may end anywhere.
  void feed(std::string_view bytes);

  /// The stream has ended. Not needed after a fault.
  void finish() noexcept;

  /// The start of a stream, all at once: as feed(), but nothing is kept and nothing may follow.
  void scan(std::string_view bytes);

  /// The Pickler has forgotten its memo (Pickler.clear_memo).
  void forget_memo() noexcept;

  /// What is wrong with the stream, as a sentence without its subject; null: nothing.
  const char* fault() const noexcept { return fault_; }
  /// Where it is wrong: bytes from the stream's start.
  std::uint64_t position() const noexcept { return position_; }
  /// How many complete pickles have been read.
  std::uint64_t pickles() const noexcept { return pickles_; }

 private:
  struct Value {
    enum class Kind : std::uint8_t { other, mark, text, obscure };
    const char* start = nullptr;
    std::uint32_t size = 0;
    Kind kind = Kind::other;
    bool kept = false;  ///< `start` points into names_, not into the bytes of this feed()
  };

  std::size_t process(std::string_view bytes);
  std::size_t skip(std::size_t available) noexcept;
  std::size_t step(std::string_view rest);
  std::size_t step_sized(const Opcode& opcode, std::string_view rest);
  std::size_t step_line(const Opcode& opcode, std::string_view rest);
  std::size_t step_names(const Opcode& opcode, std::string_view rest);
  std::size_t step_number(const Opcode& opcode, std::string_view rest);
  void apply(const Opcode& opcode, std::uint64_t number);
  void stop();
  void put(std::uint64_t index);
  void get(std::uint64_t index);
  void name_global(const Opcode& opcode, std::string_view module, std::string_view name);
  void stack_global();
  void push(Value value);
  bool pop(std::size_t count);
  bool pop_to_mark();
  void shrink_stack(std::size_t size) noexcept;
  bool has_top();
  void keep_names();
  void keep(Value& value);
  std::size_t fail(const char* what) noexcept;

  GlobalSink& sink_;
  const Source source_;
  const Limits limits_;
  std::vector<Value> stack_;
  std::size_t kept_stack_ = 0;  // the values below have been kept, see keep()
  std::vector<Value> memo_;     // entries 0, 1, 2, ...
  std::size_t kept_memo_ = 0;
  std::unordered_map<std::uint64_t, Value> sparse_memo_;  // entries beyond a gap, kept
  std::deque<std::string> names_;                         // texts of earlier bytes
  std::size_t names_size_ = 0;
  std::string carry_;             // an opcode whose end has not come yet
  std::uint64_t skip_bytes_ = 0;  // of an argument that is of no interest
  bool skip_line_ = false;        // likewise, up to the newline
  std::uint64_t position_ = 0;
  std::uint64_t pickles_ = 0;
  std::uint64_t opcodes_ = 0;  // of the pickle that is being read
  const char* fault_ = nullptr;
};

}  // namespace brine::pickle

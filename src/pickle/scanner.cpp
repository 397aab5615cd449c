#include "pickle/scanner.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>

namespace brine::pickle {
namespace {

// No name of a module or global is longer; longer texts are the application's data.
constexpr std::size_t kLongestName = 1024;

// Returns true if a text could be the name of a module, class or function: identifiers and dots,
// with "<locals>" and "<lambda>", and generic classes such as "Page[int, str]". Bytes beyond ASCII
// are taken for letters.
bool looks_like_name(std::string_view text) noexcept {
  for (const char& c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '[' && text.back() == ']') return &c != text.data();
    if (!letter && c != '_' && c != '.' && c != '<' && c != '>' && c != '-' &&
        static_cast<unsigned char>(c) < 0x80) {
      return false;
    }
  }
  return true;
}

// Returns how long the part of a text is in front of its first byte beyond ASCII.
std::size_t ascii_start(std::string_view text) noexcept {
  const auto* const other = std::find_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  return static_cast<std::size_t>(other - text.begin());
}

bool is_ascii(std::string_view text) noexcept { return ascii_start(text) == text.size(); }

}  // namespace

bool Scanner::Value::is_name() const noexcept {
  return kind == Kind::text && looks_like_name(view());
}

void Scanner::feed(std::string_view bytes) {
  if (fault_ != nullptr) return;
  if (carry_.empty()) {
    const std::size_t used = process(bytes);
    keep_names();
    if (fault_ == nullptr) carry_.assign(bytes.substr(used));
    return;
  }
  carry_.append(bytes);
  const std::size_t used = process(carry_);
  keep_names();
  carry_.erase(0, used);
}

void Scanner::finish() {
  note_claim();
  if (fault_ != nullptr) return;
  if (!carry_.empty() || skip_bytes_ > 0 || in_line_ || opcodes_ > 0) {
    fail("ends in the middle of a pickle");
  } else if (pickles_ == 0) {
    fail("is empty");
  }
}

void Scanner::scan(std::string_view bytes) { process(bytes); }

void Scanner::forget_memo() noexcept {
  memo_.clear();
  sparse_memo_.clear();
  memo_entries_ = 0;
  kept_memo_ = 0;
  if (!stack_.empty()) return;
  names_.clear();
  names_size_ = 0;
}

// Processes bytes and returns how many were used: fewer than there are if the last opcode is
// incomplete, or after a fault.
std::size_t Scanner::process(std::string_view bytes) {
  std::size_t at = 0;
  while (at < bytes.size()) {
    const std::string_view rest = bytes.substr(at);
    std::size_t used = 0;
    if (skip_bytes_ > 0) {
      used = skip(rest.size());
    } else if (in_line_) {
      used = skip_line(rest);
      if (used == 0) break;
    } else {
      used = step(rest);
      if (used == 0 || crosses_frame(used)) break;
      ++opcodes_;
      if (kOpcodes[static_cast<unsigned char>(rest[0])].effect == Effect::stop) stop();
    }
    at += used;
    position_ += used;
  }
  return at;
}

std::size_t Scanner::skip(std::size_t available) noexcept {
  const std::size_t used = skip_bytes_ < available ? skip_bytes_ : available;
  skip_bytes_ -= used;
  return used;
}

std::size_t Scanner::skip_line(std::string_view rest) noexcept {
  if (position_ == frame_end_) return fail("has a frame that ends within an opcode");
  if (position_ < frame_end_) rest = rest.substr(0, frame_end_ - position_);
  const std::size_t newline = rest.find('\n');
  if (const std::size_t ascii = ascii_start(rest.substr(0, newline));
      in_ascii_line_ && ascii < std::min(newline, rest.size())) {
    position_ += ascii;
    return fail("has a number or a persistent id that is not ASCII");  // unpicklers refuse it
  }
  in_line_ = newline == std::string_view::npos;
  return in_line_ ? rest.size() : newline + 1;
}

// Returns true if the opcode at the position, which has been read, is only partly in the frame.
// Pickle never writes this. An unpickler that reads a file drops the rest of the frame when it
// reads beyond it, so the stream means something else to it than to one that reads from memory.
bool Scanner::crosses_frame(std::size_t used) noexcept {
  if (position_ >= frame_end_ || position_ + used + skip_bytes_ <= frame_end_) return false;
  fail("has a frame that ends within an opcode");
  return true;
}

// Processes one opcode. Returns how many bytes of `rest` it used; 0: it is incomplete, or a fault.
std::size_t Scanner::step(std::string_view rest) {
  const Opcode& opcode = kOpcodes[static_cast<unsigned char>(rest[0])];
  switch (opcode.argument) {
    case Argument::none:
      apply(opcode, 0);
      return fault_ == nullptr ? 1 : 0;
    case Argument::fixed:
      if (rest.size() < 1U + opcode.size) return 0;
      apply(opcode, 0);
      return fault_ == nullptr ? 1U + opcode.size : 0;
    case Argument::number:
    case Argument::decimal:
      return step_number(opcode, rest);
    case Argument::sized:
      return step_sized(opcode, rest);
    case Argument::line:
      return step_line(opcode, rest);
    case Argument::two_lines:
      return step_names(opcode, rest);
  }
  return fail("holds an opcode without a meaning");
}

std::size_t Scanner::step_number(const Opcode& opcode, std::string_view rest) {
  std::uint64_t number = 0;
  std::size_t used = 1U + opcode.size;
  if (opcode.argument == Argument::number) {
    if (rest.size() < used) return 0;
    number = little_endian(rest.substr(1, opcode.size));
  } else {
    // Python's int() accepts more than digits, but pickle writes no more.
    constexpr std::size_t kLongestLine = 32;
    const std::string_view line = rest.substr(1, kLongestLine);
    const std::size_t size = line.find('\n');
    if (size == std::string_view::npos && line.size() < kLongestLine) return 0;
    const char* newline = line.data() + std::min(size, line.size());
    const auto [end, error] = std::from_chars(line.data(), newline, number);
    if (size == std::string_view::npos || error != std::errc() || end != newline) {
      return fail("has a memo entry whose number is none");
    }
    used = size + 2;
  }
  if (crosses_frame(used)) return 0;
  apply(opcode, number);
  return fault_ == nullptr ? used : 0;
}

std::size_t Scanner::step_sized(const Opcode& opcode, std::string_view rest) {
  const std::size_t head = 1U + opcode.size;
  if (rest.size() < head) return 0;
  const std::uint64_t size = little_endian(rest.substr(1, opcode.size));
  if (size > std::numeric_limits<std::uint64_t>::max() / 2) return fail("claims a negative length");
  if (opcode.effect == Effect::push) {
    push({});
  } else if (size > kLongestName) {
    push({.kind = Value::Kind::obscure});
  } else {
    if (rest.size() < head + size) return 0;
    const bool plain = opcode.effect == Effect::push_text || is_ascii(rest.substr(head, size));
    push({rest.data() + head, static_cast<std::uint32_t>(size),
          plain ? Value::Kind::text : Value::Kind::obscure});
    return fault_ == nullptr ? head + size : 0;
  }
  skip_bytes_ = size;
  return fault_ == nullptr ? head : 0;
}

std::size_t Scanner::step_line(const Opcode& opcode, std::string_view rest) {
  const std::size_t newline = rest.find('\n');
  if (opcode.effect == Effect::push || newline > kLongestName) {
    // A long line may come in many pieces. The scanner waits for its end only while it could be a
    // name.
    const bool could_be_name = opcode.effect == Effect::push_line && rest.size() <= kLongestName;
    if (newline == std::string_view::npos && could_be_name) return 0;
    push({.kind = opcode.effect == Effect::push ? Value::Kind::other : Value::Kind::obscure});
    in_line_ = true;
    in_ascii_line_ = opcode.effect == Effect::push;
    return fault_ == nullptr ? 1 : 0;
  }
  std::string_view text = rest.substr(1, newline - 1);
  if (rest[0] == 'S') {  // STRING is a literal of Python's
    if (text.size() < 2 || text.front() != text.back() ||
        (text.front() != '\'' && text.front() != '"')) {
      return fail("has a STRING without its quotes");
    }
    text = text.substr(1, text.size() - 2);
  }
  // Pickle writes no name with escapes, so they are there to hide it. Bytes beyond ASCII are
  // Latin-1, or in the unpickler's `encoding`.
  const bool plain = text.find('\\') == std::string_view::npos && is_ascii(text);
  push({text.data(), static_cast<std::uint32_t>(text.size()),
        plain ? Value::Kind::text : Value::Kind::obscure});
  return fault_ == nullptr ? newline + 1 : 0;
}

std::size_t Scanner::step_names(const Opcode& opcode, std::string_view rest) {
  const std::size_t first = rest.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : rest.find('\n', first + 1);
  if (std::min(second, rest.size()) > 2 * kLongestName) {
    return fail("names a global of endless length");
  }
  if (second == std::string_view::npos || crosses_frame(second + 1)) return 0;
  name_global(opcode, rest.substr(1, first - 1), rest.substr(first + 1, second - first - 1));
  return fault_ == nullptr ? second + 1 : 0;
}

void Scanner::apply(const Opcode& opcode, std::uint64_t number) {
  switch (opcode.effect) {
    case Effect::invalid:
      fail("holds a byte that is no opcode: it is no pickle, or a broken one");
      return;
    case Effect::push:
      return push({});
    case Effect::mark:
      return push({.kind = Value::Kind::mark});
    case Effect::pop:
      if (stack_.empty()) {
        fail("takes a value from an empty stack");
      } else {
        shrink_stack(stack_.size() - 1);
      }
      return;
    case Effect::pop_mark:
      pop_to_mark();
      return;
    case Effect::dup:
      if (has_top()) push(Value(stack_.back()));
      return;
    case Effect::drop:
      if (pop(opcode.pops)) change_top();
      return;
    case Effect::make:
      if (pop(opcode.pops)) push({});
      return;
    case Effect::drop_to_mark:
      if (pop_to_mark()) change_top();
      return;
    case Effect::make_to_mark:
      if (pop_to_mark()) push({});
      return;
    case Effect::tuple:
      if (pop(opcode.pops)) push({.size = opcode.pops, .kind = Value::Kind::tuple});
      return;
    case Effect::tuple_to_mark: {
      const auto size = static_cast<std::uint32_t>(above_mark());
      if (pop_to_mark()) push({.size = size, .kind = Value::Kind::tuple});
      return;
    }
    case Effect::reduce:
      return call(Call::How::reduce, opcode.pops);
    case Effect::new_object:
      return call(Call::How::new_object, opcode.pops);
    case Effect::new_object_ex:
      return call(Call::How::new_object_ex, opcode.pops);
    case Effect::put:
      if (has_top()) put(number);
      return;
    case Effect::memoize:
      if (has_top()) put(memo_entries_);
      return;
    case Effect::get:
      return get(number);
    case Effect::stack_global:
      return stack_global();
    case Effect::extension: {
      const std::string code = std::to_string(number);
      const std::uint32_t number_of =
          sink_.global({Global::Kind::extension, {}, code, position_, 0});
      return push({.size = number_of, .kind = Value::Kind::global});
    }
    case Effect::protocol:
      if (number > kNewestProtocol) fail("is of a protocol that is not known");
      return;
    case Effect::frame:
      return frame(number);
    case Effect::stop:
      if (pop(1) && position_ + 1 < frame_end_) fail("ends before its frame does");
      return;
    case Effect::push_text:
    case Effect::push_string:
    case Effect::push_line:
    case Effect::global:
    case Effect::instance:
      return;  // other functions read their arguments and apply them
  }
}

void Scanner::frame(std::uint64_t length) noexcept {
  if (position_ < frame_end_) {
    fail("has a frame within a frame");
  } else if (length > std::numeric_limits<std::uint64_t>::max() / 2) {
    fail("claims a negative length");
  } else {
    constexpr std::uint64_t kHead = 9;
    frame_end_ = position_ + kHead + length;
  }
}

// Ends a pickle; another one may follow.
void Scanner::stop() noexcept {
  ++pickles_;
  end_ = position_ + 1;
  opcodes_ = 0;
  shrink_stack(0);
  if (source_ == Source::stranger) forget_memo();
}

void Scanner::put(std::uint64_t index) {
  // Python 2 writes no entry 0, and pickletools.optimize() leaves out entries that nothing refers
  // to.
  constexpr std::size_t kWidestGap = 64;
  constexpr std::size_t kSparseCost = 4;  // entries of the vector that one of the map counts as
  const Value value = stack_.back();
  note_number(index);
  if (index < memo_.size()) {
    Value& entry = memo_[index];
    if (entry.kind == Value::Kind::absent) ++memo_entries_;
    entry = value;
    if (index < kept_memo_) keep(entry);
  } else if (memo_.size() + kSparseCost * sparse_memo_.size() >= limits_.memo) {
    fail("has more memo entries than can be followed");
  } else if (sparse_memo_.empty() && index - memo_.size() <= kWidestGap) {
    memo_.resize(index, {.kind = Value::Kind::absent});
    memo_.push_back(value);
    ++memo_entries_;
  } else {
    const auto [entry, is_new] = sparse_memo_.insert_or_assign(index, value);
    if (is_new) ++memo_entries_;
    keep(entry->second);
  }
}

// Unpicklers keep their memo in an array of twice the greatest number, 8 bytes each. A pickler
// counts its entries, and no entry takes less than a byte of the stream.
void Scanner::note_number(std::uint64_t index) {
  constexpr std::uint64_t kRoom = 4 << 20;
  constexpr std::uint64_t kGap = 64;
  if (source_ != Source::stranger || index <= kRoom + kGap * position_) return;
  sink_.global({Global::Kind::memo, {}, {}, position_, 0});
}

// An unpickler that reads a file makes room for an argument or a frame before it reads what is
// there.
void Scanner::note_claim() {
  constexpr std::uint64_t kRoom = 64 << 20;
  const std::uint64_t frame = frame_end_ > position_ ? frame_end_ - position_ : 0;
  if (source_ != Source::stranger || std::max(skip_bytes_, frame) <= kRoom) return;
  sink_.global({Global::Kind::length, {}, {}, position_ - 1, 0});
}

void Scanner::get(std::uint64_t index) {
  Value value{.kind = Value::Kind::absent};
  if (index < memo_.size()) {
    value = memo_[index];
  } else if (const auto found = sparse_memo_.find(index); found != sparse_memo_.end()) {
    value = found->second;
  }
  if (value.kind != Value::Kind::absent) return push(value);
  if (source_ == Source::pickler) return push({.kind = Value::Kind::obscure});
  fail("refers to a memo entry that it has not made");
}

void Scanner::name_global(const Opcode& opcode, std::string_view module, std::string_view name) {
  const bool instance = opcode.effect == Effect::instance;
  if (instance && !pop_to_mark()) return;
  const std::uint32_t number = sink_.global({Global::Kind::named, module, name, position_,
                                             static_cast<std::uint8_t>(instance ? 'i' : 'c')});
  push(instance ? Value{} : Value{.size = number, .kind = Value::Kind::global});
}

void Scanner::stack_global() {
  if (stack_.size() < 2 || stack_.back().kind == Value::Kind::mark ||
      stack_[stack_.size() - 2].kind == Value::Kind::mark) {
    fail("takes a value from an empty stack");
    return;
  }
  const Value name = stack_.back();
  const Value module = stack_[stack_.size() - 2];
  shrink_stack(stack_.size() - 2);
  constexpr std::uint8_t kStackGlobal = 0x93;
  const std::uint32_t number =
      module.is_name() && name.is_name()
          ? sink_.global({Global::Kind::named, module.view(), name.view(), position_, kStackGlobal})
          : sink_.global({Global::Kind::computed, {}, {}, position_, kStackGlobal});
  push({.size = number, .kind = Value::Kind::global});
}

// Takes a callable, its arguments and perhaps keyword arguments, and pushes what the call returns.
void Scanner::call(Call::How how, std::size_t operands) {
  if (stack_.size() >= operands) {
    const Value& callee = stack_[stack_.size() - operands];
    const Value& arguments = stack_[stack_.size() - operands + 1];
    if (callee.kind == Value::Kind::global && callee.size != 0 &&
        arguments.kind == Value::Kind::tuple) {
      sink_.call({callee.size, how, arguments.size});
    }
  }
  if (pop(operands)) push({});
}

void Scanner::push(Value value) {
  if (stack_.size() >= limits_.stack) {
    fail("holds more values at once than can be followed");
    return;
  }
  stack_.push_back(value);
}

// Takes that many values. The unpickler does not see values below the last mark.
bool Scanner::pop(std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    if (!has_top()) return false;
    shrink_stack(stack_.size() - 1);
  }
  return true;
}

void Scanner::shrink_stack(std::size_t size) noexcept {
  stack_.resize(size);
  kept_stack_ = std::min(kept_stack_, size);
}

// Returns how many values there are above the last mark.
std::size_t Scanner::above_mark() const noexcept {
  const auto mark = std::find_if(stack_.rbegin(), stack_.rend(), [](const Value& value) {
    return value.kind == Value::Kind::mark;
  });
  return static_cast<std::size_t>(mark - stack_.rbegin());
}

bool Scanner::pop_to_mark() {
  std::size_t size = stack_.size();
  while (size > 0 && stack_[size - 1].kind != Value::Kind::mark) {
    --size;
  }
  if (size == 0) {
    fail("looks for a mark that it has not made");
    return false;
  }
  shrink_stack(size - 1);
  return true;
}

bool Scanner::has_top() {
  if (!stack_.empty() && stack_.back().kind != Value::Kind::mark) return true;
  fail("takes a value from an empty stack");
  return false;
}

// Changes the top, as APPEND, SETITEM and BUILD do. Pickle has them change what it has just made,
// and never a class or function itself.
void Scanner::change_top() {
  if (!has_top() || stack_.back().kind != Value::Kind::global) return;
  if (source_ == Source::stranger) sink_.global({Global::Kind::changed, {}, {}, position_, 0});
}

// Copies names that point into the bytes of this feed(), which the caller may free.
void Scanner::keep_names() {
  for (; kept_stack_ < stack_.size(); ++kept_stack_) {
    keep(stack_[kept_stack_]);
  }
  for (; kept_memo_ < memo_.size(); ++kept_memo_) {
    keep(memo_[kept_memo_]);
  }
}

void Scanner::keep(Value& value) {
  if (value.kind != Value::Kind::text || value.kept) return;
  const std::size_t cost = sizeof(std::string) + value.size;
  if (!value.is_name() || cost > limits_.names - names_size_) {
    value = {.kind = Value::Kind::obscure};
    return;
  }
  names_size_ += cost;
  value.start = names_.emplace_front(value.view()).data();
  value.kept = true;
}

std::size_t Scanner::fail(const char* what) noexcept {
  if (fault_ == nullptr) fault_ = what;
  return 0;
}

}  // namespace brine::pickle

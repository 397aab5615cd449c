#include "pickle/skimmer.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>

#include "pickle/opcodes.hpp"

namespace brine::pickle {
namespace {

// The skimmer's view of an opcode.
enum class Kind : std::uint8_t {
  unclear,   ///< pickle does not write it, or it needs a closer look
  passed,    ///< has `size` bytes behind it
  frame,     ///< likewise, and changes nothing
  sized,     ///< has a length in `size` bytes, and that many bytes behind it
  text,      ///< likewise, and they are a text
  line,      ///< has a line behind it
  memoized,  ///< the value before gets the next entry of the memo
  put,       ///< gives the value before an entry of the memo by number
  fetched,   ///< takes an entry of the memo, whose number has `size` bytes
  named,     ///< has a module and a name behind it, a line each
  joined,    ///< takes a module and a name, the two values before
};

struct Stride {
  Kind kind = Kind::unclear;
  std::uint8_t size = 0;
};

constexpr Stride stride_of(const Opcode& opcode) {
  switch (opcode.effect) {
    case Effect::invalid:
    case Effect::instance:
    case Effect::extension:
    case Effect::push_string:
      return {};
    case Effect::push_text:
      return {Kind::text, opcode.size};
    case Effect::memoize:
      return {Kind::memoized, 0};
    case Effect::get:
      // Numbers in digits are of the protocol 0, which names globals in lines.
      return opcode.argument == Argument::decimal ? Stride{Kind::line, 0}
                                                  : Stride{Kind::fetched, opcode.size};
    case Effect::put:
      return opcode.argument == Argument::decimal ? Stride{Kind::line, 0}
                                                  : Stride{Kind::put, opcode.size};
    case Effect::frame:
      return {Kind::frame, opcode.size};
    case Effect::global:
      return {Kind::named, 0};
    case Effect::stack_global:
      return {Kind::joined, 0};
    default:
      break;
  }
  switch (opcode.argument) {
    case Argument::sized:
      return {Kind::sized, opcode.size};
    case Argument::line:
    case Argument::decimal:
      return {Kind::line, 0};
    default:
      return {Kind::passed, opcode.size};
  }
}

constexpr std::array<Stride, 256> make_strides() {
  std::array<Stride, 256> strides{};
  for (std::size_t code = 0; code < strides.size(); ++code) {
    strides[code] = stride_of(kOpcodes[code]);
  }
  return strides;
}

constexpr std::array<Stride, 256> kStrides = make_strides();

constexpr char kBinPut = 'q';

// Returns the number in the `size` bytes at `at`.
inline std::uint64_t number_at(const char* at, std::uint8_t size) noexcept {
  if (size == 1) return static_cast<unsigned char>(*at);
  if (size == 4 && std::endian::native == std::endian::little) {
    std::uint32_t number = 0;
    std::memcpy(&number, at, sizeof(number));
    return number;
  }
  return little_endian({at, size});
}

// Returns the end of the line that begins at `at`, where its newline is; null: there is none.
const char* end_of_line(const char* at, const char* end) noexcept {
  return static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
}

}  // namespace

bool Skimmer::skim(std::string_view stream, KnownNames& names) {
  constexpr char kProto = '\x80';
  const bool joins_names = stream.size() > 1 && stream[0] == kProto && stream[1] >= 4;
  return joins_names ? skim_joined(stream, names) : skim_lines(stream, names);
}

// Reads the protocols 4 and 5.
bool Skimmer::skim_joined(std::string_view stream, KnownNames& names) {
  memo_.clear();
  const char* at = stream.data();
  const char* const end = at + stream.size();
  Text before, last;       // the values that the last two opcodes have pushed
  bool is_counted = true;  // the memo's entries have the numbers 0, 1, 2, ...
  while (at < end) {
    const Stride stride = kStrides[static_cast<unsigned char>(*at++)];
    if (end - at < stride.size) return false;
    switch (stride.kind) {
      case Kind::memoized:
        memo_.push_back(last);
        continue;
      case Kind::text:
      case Kind::sized: {
        const std::uint64_t size = number_at(at, stride.size);
        at += stride.size;
        if (size > static_cast<std::uint64_t>(end - at)) return false;
        before = last;
        last = stride.kind == Kind::text ? Text{at, size} : Text{};
        at += size;
        continue;
      }
      case Kind::fetched: {
        const std::uint64_t index = number_at(at, stride.size);
        at += stride.size;
        before = last;
        last = is_counted && index < memo_.size() ? memo_[index] : Text{};
        continue;
      }
      case Kind::put:
        is_counted = false;
        at += stride.size;
        continue;
      case Kind::frame:
        at += stride.size;
        continue;
      case Kind::passed:
        last = {};
        at += stride.size;
        continue;
      case Kind::joined:
        if (before.start == nullptr || last.start == nullptr) return false;
        if (!names.knows(before.view(), last.view())) return false;
        last = {};
        continue;
      case Kind::line:
      case Kind::named:
      case Kind::unclear:
        return false;
    }
  }
  return true;
}

// Reads the protocols 0 to 3, in which the memo does not matter.
bool Skimmer::skim_lines(std::string_view stream, KnownNames& names) {
  const char* at = stream.data();
  const char* const end = at + stream.size();
  while (at < end) {
    const Stride stride = kStrides[static_cast<unsigned char>(*at++)];
    if (end - at < stride.size) return false;
    switch (stride.kind) {
      case Kind::put:
      case Kind::passed:
      case Kind::fetched:
        at += stride.size;
        continue;
      case Kind::text:
      case Kind::sized: {
        const std::uint64_t size = number_at(at, stride.size);
        at += stride.size;
        if (size > static_cast<std::uint64_t>(end - at)) return false;
        at += size;
        // BINPUT nearly always follows: to pass it here spares a jump that is hard to foresee.
        if (end - at >= 2 && *at == kBinPut) at += 2;
        continue;
      }
      case Kind::line:
        at = end_of_line(at, end);
        if (at++ == nullptr) return false;
        continue;
      case Kind::named: {
        const char* const first = end_of_line(at, end);
        const char* const second = first != nullptr ? end_of_line(first + 1, end) : nullptr;
        if (second == nullptr) return false;
        if (!names.knows({at, first}, {first + 1, second})) return false;
        at = second + 1;
        continue;
      }
      case Kind::memoized:
      case Kind::frame:
      case Kind::joined:
      case Kind::unclear:
        return false;
    }
  }
  return true;
}

}  // namespace brine::pickle

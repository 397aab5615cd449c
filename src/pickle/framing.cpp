#include "pickle/framing.hpp"

#include <array>
#include <cstdint>
#include <cstring>

#include "pickle/opcodes.hpp"

namespace brine::pickle {
namespace {

constexpr char kStackGlobal = '\x93', kFrame = '\x95';
constexpr std::size_t kFrameHead = 9;

// Returns true if the byte at `at` may be STACK_GLOBAL. Pickle writes it behind a name: a text and
// MEMOIZE, or a text from the memo by BINGET or LONG_BINGET. A name of a subclass of str is an
// instance, which one of the opcodes that complete it may follow. Without a memo any byte may be a
// name's last. If the bytes before lie outside the region, the result is true.
bool may_be_stack_global(std::string_view region, std::size_t at, Memo memo) noexcept {
  static constexpr auto kCompletes = [] {  // else it would be built in each call
    std::array<bool, 256> completes{};
    for (const char code : std::string_view("baesu0\x94")) {  // BUILD APPEND ... POP MEMOIZE
      completes[static_cast<unsigned char>(code)] = true;
    }
    return completes;
  }();
  return at < 5 || region[at - 2] == 'h' || region[at - 5] == 'j' ||
         kCompletes[static_cast<unsigned char>(region[at - 1])] || memo == Memo::may_lack;
}

// Returns the position behind the last possible STACK_GLOBAL in the region, or 0.
std::size_t end_in_region(std::string_view region, Memo memo) noexcept {
  std::size_t size = region.size();
  while (size > 0) {
    const void* found = memrchr(region.data(), kStackGlobal, size);
    if (found == nullptr) return 0;
    size = static_cast<std::size_t>(static_cast<const char*>(found) - region.data());
    if (may_be_stack_global(region, size, memo)) return size + 1;
  }
  return 0;
}

}  // namespace

// At the top level of a stream there are frames, large values between them, and a few bytes outside
// of frames.
std::size_t end_of_globals(std::string_view stream, Memo memo) noexcept {
  std::size_t end = 0;
  std::size_t at = 0;
  while (at < stream.size()) {
    const std::string_view rest = stream.substr(at);
    const Opcode& opcode = kOpcodes[static_cast<unsigned char>(rest[0])];
    if (rest[0] == kFrame && rest.size() >= kFrameHead) {
      const std::string_view frame = rest.substr(kFrameHead, little_endian(rest.substr(1, 8)));
      if (const std::size_t last = end_in_region(frame, memo); last > 0) {
        end = at + kFrameHead + last;
      }
      at += kFrameHead + frame.size();
    } else if (opcode.argument == Argument::sized && rest.size() > opcode.size) {
      const std::uint64_t length = little_endian(rest.substr(1, opcode.size));
      at += rest.substr(1U + opcode.size, length).size() + 1U + opcode.size;
    } else if (opcode.argument == Argument::none || opcode.argument == Argument::fixed ||
               opcode.argument == Argument::number) {
      if (rest[0] == kStackGlobal) end = at + 1;
      at += 1U + opcode.size;
    } else {
      return stream.size();  // pickle does not write this
    }
  }
  return end;
}

}  // namespace brine::pickle

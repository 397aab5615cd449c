// Finds where in a stream of protocol 4 or later the last global may be, without following its
// opcodes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brine::pickle {

/// The memo of the Pickler that wrote a stream.
enum class Memo : std::uint8_t {
  used,      ///< each text was put there
  may_lack,  ///< the Pickler may be `fast`, which puts nothing there
};

/// Returns how many bytes of a stream have to be followed to meet all of its globals: no
/// STACK_GLOBAL lies behind them; 0: there is none. The stream must be what pickle wrote with
/// protocol 4 or later, and copyreg must have no extension codes, so that STACK_GLOBAL is the only
/// opcode for globals.
///
/// A value of many instances names their class once, near its start, and a value of built-in types
/// names none. Most bytes are passed at memrchr's speed, and large texts and bytes objects are not
/// read at all.
std::size_t end_of_globals(std::string_view stream, Memo memo = Memo::used) noexcept;

}  // namespace brine::pickle

// Where in a stream of protocol 4 or later the last global may be: without following its opcodes.
#pragma once

#include <cstddef>
#include <string_view>

namespace brine::pickle {

/// How much of a stream has to be followed to meet all of its globals: behind so many bytes there
/// is no STACK_GLOBAL. 0: there is none at all. For what `pickle.dumps` wrote with protocol 4 or
/// later, and where copyreg has no extension codes: then STACK_GLOBAL is the only opcode for
/// globals.
///
/// A value of many instances names their class once, near its start, and a value of built-in types
/// names none. Most bytes are passed at memrchr's speed, large texts and bytes not at all.
std::size_t end_of_globals(std::string_view stream) noexcept;

}  // namespace brine::pickle

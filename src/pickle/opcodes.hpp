// Pickle's opcodes as data: the argument of each in the stream, and its effect on the stack. The
// source is CPython's Lib/pickletools.py, protocols 0 to 5.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace brine::pickle {

/// The argument of an opcode.
enum class Argument : std::uint8_t {
  none,
  fixed,      ///< `size` bytes that are skipped
  sized,      ///< a length in `size` bytes, little-endian, and that many bytes
  line,       ///< text up to a newline
  two_lines,  ///< a module and a name in it, each up to a newline
  number,     ///< a number in `size` bytes, little-endian
  decimal,    ///< a number in digits, up to a newline
};

/// The effect of an opcode on the unpickler's stack and memo.
enum class Effect : std::uint8_t {
  invalid,      ///< no opcode
  push,         ///< pushes a value that cannot name a global
  push_text,    ///< pushes the argument, a str in UTF-8
  push_string,  ///< pushes the argument, a str or bytes in the unpickler's `encoding`
  push_line,    ///< pushes a str, written as a line with escapes
  mark,
  pop,       ///< takes a value or a mark
  pop_mark,  ///< takes all down to the last mark
  dup,
  drop,           ///< takes `pops` values, changes the one below
  make,           ///< takes `pops` values, pushes one
  drop_to_mark,   ///< takes all down to the last mark, changes the value below it
  make_to_mark,   ///< takes all down to the last mark, pushes a value
  tuple,          ///< takes `pops` values, pushes a tuple of them
  tuple_to_mark,  ///< takes all down to the last mark, pushes a tuple of them
  reduce,         ///< takes a callable and a tuple, pushes what the call returns
  new_object,     ///< takes a class and a tuple, pushes what the class's __new__ returns
  new_object_ex,  ///< likewise with a dict of keyword arguments
  put,            ///< memo[argument] = top
  memoize,        ///< memo[number of entries] = top
  get,            ///< pushes memo[argument]
  global,         ///< pushes the global that the argument names
  instance,      ///< pushes the global that the argument names, and takes all down to the last mark
  stack_global,  ///< takes module and name, pushes the global
  extension,     ///< pushes the global that copyreg.add_extension gave this code
  protocol,
  frame,  ///< announces how many of the next bytes are a frame
  stop,
};

/// An opcode's argument and effect; `pops` is how many values it takes.
struct Opcode {
  Effect effect = Effect::invalid;
  Argument argument = Argument::none;
  std::uint8_t size = 0;
  std::uint8_t pops = 0;
};

namespace detail {

/// Returns the table of opcodes, by their byte.
constexpr std::array<Opcode, 256> make_opcodes() {
  using A = Argument;
  using E = Effect;
  std::array<Opcode, 256> table{};
  auto set = [&table](int code, E effect, A argument = A::none, int size = 0, int pops = 0) {
    table[static_cast<std::size_t>(code)] = {effect, argument, static_cast<std::uint8_t>(size),
                                             static_cast<std::uint8_t>(pops)};
  };
  // Values that name nothing: numbers, None, bytes, empty containers, out-of-band buffers.
  for (const char code : {'N', '}', ']'}) set(code, E::push);
  for (const int code : {0x88, 0x89, 0x8F, 0x97}) set(code, E::push);  // True False {} NEXT_BUFFER
  for (const char code : {'I', 'L', 'F', 'P'}) set(code, E::push, A::line);
  set('J', E::push, A::fixed, 4);
  set('K', E::push, A::fixed, 1);
  set('M', E::push, A::fixed, 2);
  set('G', E::push, A::fixed, 8);
  set(0x8A, E::push, A::sized, 1);  // LONG1
  set(0x8B, E::push, A::sized, 4);  // LONG4
  set('B', E::push, A::sized, 4);   // BINBYTES
  set('C', E::push, A::sized, 1);
  set(0x8E, E::push, A::sized, 8);
  set(0x96, E::push, A::sized, 8);  // BYTEARRAY8
  // Texts.
  set('X', E::push_text, A::sized, 4);
  set(0x8C, E::push_text, A::sized, 1);
  set(0x8D, E::push_text, A::sized, 8);
  set('T', E::push_string, A::sized, 4);
  set('U', E::push_string, A::sized, 1);
  set('V', E::push_line, A::line);
  set('S', E::push_line, A::line);
  // The stack.
  set('(', E::mark);
  set('0', E::pop);
  set('1', E::pop_mark);
  set('2', E::dup);
  set('a', E::drop, A::none, 0, 1);  // APPEND
  set('s', E::drop, A::none, 0, 2);  // SETITEM
  set('b', E::drop, A::none, 0, 1);  // BUILD
  for (const int code : {int{'e'}, int{'u'}, 0x90}) set(code, E::drop_to_mark);
  for (const int code : {int{'l'}, int{'d'}, int{'o'}, 0x91}) set(code, E::make_to_mark);
  set(')', E::tuple);
  set(0x85, E::tuple, A::none, 0, 1);  // TUPLE1
  set(0x86, E::tuple, A::none, 0, 2);
  set(0x87, E::tuple, A::none, 0, 3);
  set('t', E::tuple_to_mark);
  set('R', E::reduce, A::none, 0, 2);
  set(0x81, E::new_object, A::none, 0, 2);     // NEWOBJ
  set(0x92, E::new_object_ex, A::none, 0, 3);  // NEWOBJ_EX
  set('Q', E::make, A::none, 0, 1);            // BINPERSID
  set(0x98, E::make, A::none, 0, 1);           // READONLY_BUFFER
  // The memo.
  set('p', E::put, A::decimal);
  set('q', E::put, A::number, 1);
  set('r', E::put, A::number, 4);
  set(0x94, E::memoize);
  set('g', E::get, A::decimal);
  set('h', E::get, A::number, 1);
  set('j', E::get, A::number, 4);
  // Globals.
  set('c', E::global, A::two_lines);
  set('i', E::instance, A::two_lines);
  set(0x93, E::stack_global);
  set(0x82, E::extension, A::number, 1);
  set(0x83, E::extension, A::number, 2);
  set(0x84, E::extension, A::number, 4);
  // The stream.
  set(0x80, E::protocol, A::number, 1);
  set(0x95, E::frame, A::number, 8);
  set('.', E::stop);
  return table;
}

}  // namespace detail

inline constexpr std::array<Opcode, 256> kOpcodes = detail::make_opcodes();

/// Returns the number in an opcode's argument or length, which has at most 8 bytes.
constexpr std::uint64_t little_endian(std::string_view bytes) noexcept {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    number = (number << 8) | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

/// The newest protocol that the scanner understands.
inline constexpr std::uint64_t kNewestProtocol = 5;

}  // namespace brine::pickle

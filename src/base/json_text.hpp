// Writes text as a JSON string that no reader of lines or terminal can be deceived by. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace brine::base {

/// The character that stands where a text is not UTF-8.
inline constexpr std::uint32_t kReplacementCharacter = 0xfffd;

/// Takes the next character from a text of UTF-8 (RFC 3629), which must not be empty. Of a byte
/// that belongs to none it makes kReplacementCharacter.
inline std::uint32_t take_character(std::string_view& text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  const std::size_t size = first < 0x80   ? 1
                           : first < 0xc2 ? 0
                           : first < 0xe0 ? 2
                           : first < 0xf0 ? 3
                           : first < 0xf5 ? 4
                                          : 0;
  std::uint32_t character = size == 1 ? first : first & (0xffU >> (size + 1));
  bool is_whole = size != 0 && size <= text.size();
  for (std::size_t i = 1; is_whole && i < size; ++i) {
    is_whole = (byte(i) & 0xc0) == 0x80;
    character = character << 6 | (byte(i) & 0x3fU);
  }
  constexpr std::array<std::uint32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = character >= 0xd800 && character < 0xe000;
  if (!is_whole || character < kLeast[size] || character > 0x10ffff || is_surrogate) {
    text.remove_prefix(1);
    return kReplacementCharacter;
  }
  text.remove_prefix(size);
  return character;
}

/// Appends one character as it stands in a JSON string, in printable ASCII.
inline void append_json_character(std::string& out, std::uint32_t character) {
  const auto append_code = [&](std::uint32_t code) {
    std::array<char, 16> text{};  // for any number: a compiler may not see that it is a short one
    std::snprintf(text.data(), text.size(), "\\u%04x", static_cast<unsigned>(code));
    out += text.data();
  };
  if (character == '"' || character == '\\') {
    out += '\\';
    out += static_cast<char>(character);
  } else if (character == '\n') {
    out += "\\n";
  } else if (character >= 0x20 && character < 0x7f) {
    out += static_cast<char>(character);
  } else if (character < 0x10000) {
    append_code(character);
  } else {  // a pair of surrogates (RFC 8259, 7)
    append_code(0xd800 + ((character - 0x10000) >> 10));
    append_code(0xdc00 + ((character - 0x10000) & 0x3ff));
  }
}

/// Returns the text as a JSON string with its quotes: printable ASCII, all else escaped.
inline std::string json_text(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) append_json_character(result, take_character(text));
  return result + '"';
}

}  // namespace brine::base

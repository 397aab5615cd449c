// A text without the blanks around it.
#pragma once

#include <string_view>

namespace brine::apache {

/// Returns the text without the spaces and tabs at its ends, which a header's value may have around
/// each of its parts (RFC 9110, section 5.6.3).
constexpr std::string_view trimmed(std::string_view text) noexcept {
  const auto is_blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace brine::apache

// Writes the numbers of the formats that other programs read.
#pragma once

#include <array>
#include <charconv>
#include <string>

namespace brine::metrics {

/// Returns a number as JSON and OpenMetrics have it, with 15 digits. It does not ask the locale,
/// which an embedded application may have changed for the whole process.
inline std::string number_text(double value) {
  constexpr int kDigits = 15;
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value,
                                 std::chars_format::general, kDigits);
  return {text.data(), end.ptr};
}

}  // namespace brine::metrics

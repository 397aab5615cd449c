// Quotes names, paths and users' text in messages.
#pragma once

#include <string>
#include <string_view>

namespace brine::base {

// Returns the text in quotes. The function is not called `quoted`, because argument-dependent
// look-up would prefer the standard library's function template of that name.
inline std::string in_quotes(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted.append(1, '\'').append(text).append(1, '\'');
  return quoted;
}

}  // namespace brine::base

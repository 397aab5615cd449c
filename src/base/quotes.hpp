// How messages quote a name, a path, or what somebody wrote.
#pragma once

#include <string>
#include <string_view>

namespace brine::base {

// Not `quoted`: the standard library has a function template of that name, which argument-dependent
// look-up prefers.
inline std::string in_quotes(std::string_view text) {
  std::string quoted;
  quoted.reserve(text.size() + 2);
  quoted.append(1, '\'').append(text).append(1, '\'');
  return quoted;
}

}  // namespace brine::base

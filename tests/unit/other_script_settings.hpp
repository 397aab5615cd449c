// Settings of scripts that differ from the defaults in one member each.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "boundary/script_settings.hpp"

namespace brine::wsgi {

/// Changes a value, whatever its type, to one that is valid too.
template <class Value>
void change(Value& value) {
  if constexpr (std::is_enum_v<Value>) {
    value = static_cast<Value>(value == Value{} ? 1 : 0);
  } else {
    value = !value;
  }
}

/// Returns a value for each member of ScriptSettings, in which that one alone is changed.
inline std::vector<ScriptSettings> other_script_settings() {
  std::vector<ScriptSettings> all(
      std::tuple_size_v<decltype(members(std::declval<ScriptSettings&>()))>);
  const auto change_each = [&]<std::size_t... i>(std::index_sequence<i...>) {
    (change(std::get<i>(members(all[i]))), ...);
  };
  change_each(std::make_index_sequence<std::tuple_size_v<decltype(members(all[0]))>>());
  return all;
}

}  // namespace brine::wsgi

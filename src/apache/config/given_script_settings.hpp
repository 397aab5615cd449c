// GivenScriptSettings holds what one section of the configuration says of its scripts. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <tuple>
#include <utility>

#include "boundary/script_settings.hpp"

namespace brine::apache {

/// Values for some of a script's settings, and the defaults of the others. The alignment lets a
/// static_assert count the fields of RequestSettings, see Setting.
class alignas(8) GivenScriptSettings {
 public:
  template <auto member, class Value>
  void give(Value value) {
    values_.*member = value;
    given_ |= bit_of(&(values_.*member));
  }

  const wsgi::ScriptSettings& values() const { return values_; }

  /// Takes over the values that `parent` gives and this does not.
  void inherit(const GivenScriptSettings& parent) {
    auto own = members(values_);
    const auto others = members(parent.values_);
    const auto inherit_each = [&]<std::size_t... i>(std::index_sequence<i...>) {
      ((std::get<i>(own) = (given_ >> i & 1) != 0 ? std::get<i>(own) : std::get<i>(others)), ...);
    };
    inherit_each(std::make_index_sequence<std::tuple_size_v<decltype(own)>>());
    given_ |= parent.given_;
  }

 private:
  std::uint64_t bit_of(const void* member) const {
    std::uint64_t found = 0;
    unsigned i = 0;
    const auto look_at = [&](const void* other) {
      if (other == member) found = std::uint64_t{1} << i;
      ++i;
    };
    std::apply([&](const auto&... each) { (look_at(&each), ...); }, members(values_));
    return found;
  }

  wsgi::ScriptSettings values_;
  std::uint64_t given_ = 0;  ///< a bit for each member, in the order of members()
};

}  // namespace brine::apache

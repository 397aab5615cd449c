// Which headers and variables are more than one among many. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "boundary/request.hpp"

namespace brine::apache {

enum class HeaderKind : std::uint8_t {
  ordinary,
  content_type,
  content_length,
  authorization,
  proxy_authorization,
  transfer_encoding,
};

/// `name` in any case.
HeaderKind classify_header(std::string_view name);

/// Keys that a configuration must not put into an environ: it would forge what Brine says.
bool is_internal_key(std::string_view name);

/// The Var whose environ key is `key`.
std::optional<wsgi::Var> var_of_key(std::string_view key);

}  // namespace brine::apache

// Tells which headers and variables need special treatment. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "boundary/request.hpp"

namespace brine::apache {

/// The treatment of a request header.
enum class HeaderKind : std::uint8_t {
  ordinary,
  content_type,
  content_length,
  authorization,
  proxy_authorization,
  transfer_encoding,
};

/// Returns the kind of a header; its name may be in any case.
HeaderKind classify_header(std::string_view name);

/// Returns true for keys that a configuration must not put into an environ, since it would forge
/// what Brine says.
bool is_internal_key(std::string_view name);

/// Returns the Var whose environ key is `key`, or nothing.
std::optional<wsgi::Var> var_of_key(std::string_view key);

}  // namespace brine::apache

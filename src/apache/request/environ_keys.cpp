#include "apache/request/environ_keys.hpp"

#include <strings.h>

#include <algorithm>
#include <array>
#include <numeric>

namespace brine::apache {

namespace {

bool is(std::string_view name, std::string_view expected) {
  return strncasecmp(name.data(), expected.data(), expected.size()) == 0;
}

// The Vars in the order of their keys, for a binary search.
constexpr auto kSorted = [] {
  std::array<std::uint8_t, wsgi::kVarCount> order{};
  std::iota(order.begin(), order.end(), std::uint8_t{0});
  std::sort(order.begin(), order.end(),
            [](std::uint8_t a, std::uint8_t b) { return wsgi::kVarNames[a] < wsgi::kVarNames[b]; });
  return order;
}();

}  // namespace

HeaderKind classify_header(std::string_view name) {
  using namespace std::string_view_literals;
  switch (name.size()) {
    case "Content-Type"sv.size():
      return is(name, "Content-Type") ? HeaderKind::content_type : HeaderKind::ordinary;
    case "Authorization"sv.size():
      return is(name, "Authorization") ? HeaderKind::authorization : HeaderKind::ordinary;
    case "Content-Length"sv.size():
      return is(name, "Content-Length") ? HeaderKind::content_length : HeaderKind::ordinary;
    case "Transfer-Encoding"sv.size():
      return is(name, "Transfer-Encoding") ? HeaderKind::transfer_encoding : HeaderKind::ordinary;
    case "Proxy-Authorization"sv.size():
      return is(name, "Proxy-Authorization") ? HeaderKind::proxy_authorization
                                             : HeaderKind::ordinary;
    default:
      return HeaderKind::ordinary;
  }
}

bool is_internal_key(std::string_view name) {
  return name.starts_with("wsgi.") || name.starts_with("mod_wsgi.") || name.starts_with("brine.") ||
         name == "HTTPS";
}

std::optional<wsgi::Var> var_of_key(std::string_view key) {
  const auto* found = std::lower_bound(
      kSorted.begin(), kSorted.end(), key,
      [](std::uint8_t var, std::string_view k) { return wsgi::kVarNames[var] < k; });
  if (found == kSorted.end() || wsgi::kVarNames[*found] != key) {
    return std::nullopt;
  }
  return static_cast<wsgi::Var>(*found);
}

}  // namespace brine::apache

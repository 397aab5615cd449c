#include "apache/request/request_id_text.hpp"

#include <algorithm>

#include "apache/config/arguments.hpp"

namespace brine::apache {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kMarks = "-._:/+=@~";

bool is_hex(std::string_view text) {
  return text.find_first_not_of(kDigits) == std::string_view::npos;
}

bool is_zero(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

bool may_stand_in_an_id(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         kMarks.find(c) != std::string_view::npos;
}

// Trace Context, 3.2.2: version "-" trace-id "-" parent-id "-" trace-flags, in lower-case hex; an
// id of zeros is none, and version ff is forbidden. A later version may have more behind another
// "-".
std::string_view trace_id(std::string_view value) {
  constexpr std::size_t kSize = 55;
  if (value.size() < kSize || value[2] != '-' || value[35] != '-' || value[52] != '-') {
    return {};
  }
  const std::string_view version = value.substr(0, 2);
  const std::string_view trace = value.substr(3, 32);
  const std::string_view parent = value.substr(36, 16);
  const bool ends_well =
      version == "00" ? value.size() == kSize : value.size() == kSize || value[kSize] == '-';
  const bool is_valid = is_hex(version) && version != "ff" && is_hex(trace) && !is_zero(trace) &&
                        is_hex(parent) && !is_zero(parent) && is_hex(value.substr(53, 2));
  return ends_well && is_valid ? trace : std::string_view();
}

}  // namespace

std::string_view request_id_in(std::string_view name, std::string_view value) {
  if (same_word(name, "traceparent")) {
    return trace_id(value);
  }
  const bool is_id = !value.empty() && value.size() <= kMostRequestIdBytes &&
                     std::all_of(value.begin(), value.end(), may_stand_in_an_id);
  return is_id ? value : std::string_view();
}

}  // namespace brine::apache

// Decides what a client gets in place of the body that an application gave. Pure functions over the
// head of the response. Python's side judges by them to skip the body, and httpd's side to replace
// it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "boundary/request.hpp"

namespace brine::wsgi {

/// The replacement of an application's body.
enum class Replacement : std::uint8_t {
  none,
  local_redirect,  ///< httpd's response for the path that Location names
  error_page,      ///< httpd's ErrorDocument for the status
  file,            ///< the file that X-Sendfile names; mod_xsendfile's output filter sends it
};

/// Returns true if two names are the same, with ASCII letters in either case.
inline bool is_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = lower(a[i]) == lower(b[i]);
  return same;
}

/// Returns the value of the first field with that name; its data() is null if there is none.
inline std::string_view find_field(std::span<const Field> fields, std::string_view name) noexcept {
  for (const Field& field : fields) {
    if (is_name(field.name, name)) return field.value;
  }
  return {};
}

/// Returns true for a path on this server, as a local redirect names it. "//host/path" is a URL of
/// another server, and no URL has control characters.
inline bool is_local_path(std::string_view location) noexcept {
  if (location.empty() || location[0] != '/') return false;
  if (location.size() > 1 && location[1] == '/') return false;
  for (const char c : location) {
    if ((c >= 0 && c < ' ') || c == '\x7f') return false;
  }
  return true;
}

/// Returns true if httpd 2.4 has a page, and a place for an ErrorDocument, for the status. For any
/// other one (418, 499, 520) it would answer 500, and the client would not see the application's
/// status.
inline bool has_error_page(int status) noexcept {
  constexpr std::array<int, 7> kWithout = {418, 419, 420, 425, 427, 430, 509};
  const bool in_range =
      (status >= 400 && status <= 431) || status == 451 || (status >= 500 && status <= 511);
  return in_range && std::find(kWithout.begin(), kWithout.end(), status) == kWithout.end();
}

/// Returns the replacement for a response with this status and these fields, as far as `allowed`
/// allows it.
inline Replacement replacement(const Replacements& allowed, int status,
                               std::span<const Field> fields) noexcept {
  if (status >= 400 && status < 600) {
    const bool has_page = allowed.error_page && has_error_page(status);
    return has_page ? Replacement::error_page : Replacement::none;
  }
  if (allowed.local_redirect && status == 200 && is_local_path(find_field(fields, "Location"))) {
    return Replacement::local_redirect;
  }
  if (allowed.file && !find_field(fields, "X-Sendfile").empty()) return Replacement::file;
  return Replacement::none;
}

/// Returns true if a field of the application's response is also part of the one that replaces its
/// body: a cookie is, and a length is not.
inline bool survives(Replacement how, std::string_view name) noexcept {
  // These describe the bytes of the body that is not sent.
  static constexpr std::array<std::string_view, 8> kOfTheBytes = {
      "Content-Length", "Content-Encoding", "Content-Range", "Content-MD5", "Content-Digest",
      "ETag",           "Last-Modified",    "Accept-Ranges"};
  for (const std::string_view other : kOfTheBytes) {
    if (is_name(name, other)) return false;
  }
  if (how == Replacement::local_redirect) {
    // The application's type is a proposal, for where httpd knows none.
    return !is_name(name, "Location") && !is_name(name, "Content-Type");
  }
  // An error page is another page: the application's language, file name and policy for scripts do
  // not apply to it.
  constexpr std::string_view kPrefix = "Content-";
  return !is_name(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace brine::wsgi

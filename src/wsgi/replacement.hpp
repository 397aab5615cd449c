// What a client gets in place of the body that an application gave: pure functions over the head
// of its answer. Both sides judge by them: Python's, to leave the body, httpd's, to replace it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "boundary/request.hpp"

namespace brine::wsgi {

enum class Replacement : std::uint8_t {
  none,
  local_redirect,  ///< what httpd has under the path that Location names
  error_page,      ///< httpd's ErrorDocument for the status
  file,            ///< the file that X-Sendfile names; mod_xsendfile's output filter sends it
};

/// Whether two names are the same; ASCII letters in either case.
inline bool is_name(std::string_view a, std::string_view b) noexcept {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = lower(a[i]) == lower(b[i]);
  return same;
}

/// The value of the first field of that name; without data() if there is none.
inline std::string_view find_field(std::span<const Field> fields, std::string_view name) noexcept {
  for (const Field& field : fields) {
    if (is_name(field.name, name)) return field.value;
  }
  return {};
}

/// A path on this server, as a local redirect names it. "//host/path" is a URL of another one, and
/// a control character is in no URL.
inline bool is_local_path(std::string_view location) noexcept {
  if (location.empty() || location[0] != '/') return false;
  if (location.size() > 1 && location[1] == '/') return false;
  for (const char c : location) {
    if ((c >= 0 && c < ' ') || c == '\x7f') return false;
  }
  return true;
}

/// Whether httpd 2.4 has a page, and a place for an ErrorDocument, for a status. In the place of
/// any other one (418, 499, 520) it would answer 500; the client is to see what the application
/// says.
inline bool has_error_page(int status) noexcept {
  constexpr std::array<int, 7> kWithout = {418, 419, 420, 425, 427, 430, 509};
  const bool in_range =
      (status >= 400 && status <= 431) || status == 451 || (status >= 500 && status <= 511);
  return in_range && std::find(kWithout.begin(), kWithout.end(), status) == kWithout.end();
}

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

/// Whether a field of the application's answer is part of the one that replaces its body too: a
/// cookie is, and a length is not.
inline bool survives(Replacement how, std::string_view name) noexcept {
  // What describes the bytes of the body that nobody gets.
  static constexpr std::array<std::string_view, 8> kOfTheBytes = {
      "Content-Length", "Content-Encoding", "Content-Range", "Content-MD5", "Content-Digest",
      "ETag",           "Last-Modified",    "Accept-Ranges"};
  for (const std::string_view other : kOfTheBytes) {
    if (is_name(name, other)) return false;
  }
  if (how == Replacement::local_redirect) {
    // The type is a proposal, for where httpd knows none.
    return !is_name(name, "Location") && !is_name(name, "Content-Type");
  }
  // An error page is a page of its own: not in the language, or for download under the name, of the
  // other; and what policy says of the scripts of that page is not true of this.
  constexpr std::string_view kPrefix = "Content-";
  return !is_name(name.substr(0, kPrefix.size()), kPrefix);
}

}  // namespace brine::wsgi

#include "wsgi/headers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>

namespace brine::wsgi {
namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr bool is_alnum(char c) { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z'); }
constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
constexpr bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

// Marks the characters of a token (RFC 9110, 5.6.2) by their code.
constexpr std::array<bool, 256> make_token_table() {
  std::array<bool, 256> table{};
  for (int c = 0; c < 128; ++c) table[static_cast<std::size_t>(c)] = is_alnum(static_cast<char>(c));
  for (const char c : std::string_view("!#$%&'*+-.^_`|~")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}
constexpr std::array<bool, 256> kToken = make_token_table();

// The hop-by-hop fields of RFC 2616, 13.5.1, which PEP 3333 names, and Proxy-Connection of RFC
// 9110, 7.6.1. bad_header() refuses Transfer-Encoding.
constexpr std::string_view kHopByHop[] = {"connection",
                                          "keep-alive",
                                          "proxy-authenticate",
                                          "proxy-authorization",
                                          "proxy-connection",
                                          "te",
                                          "trailer",
                                          "trailers",
                                          "upgrade"};
constexpr std::string_view kTransferEncoding = "transfer-encoding";

std::string bytes_literal(std::string_view text) { return "b'" + shown(text) + "'"; }

}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

std::optional<std::string> environ_name(std::string_view header) {
  if (header.empty() || same_name(header, "Proxy") || same_name(header, "Content-Type") ||
      same_name(header, "Content-Length")) {
    return std::nullopt;
  }
  std::string name = "HTTP_";
  for (const char c : header) {
    if (!is_alnum(c) && c != '-') return std::nullopt;
    name += c == '-' ? '_' : (c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  }
  return name;
}

std::string bad_status(std::string_view status) {
  const std::string_view code = status.substr(0, 3);
  if (code.size() != 3 || !std::all_of(code.begin(), code.end(), is_digit)) {
    return "status code must be a 3 digit integer: " + bytes_literal(status);
  }
  if (status.size() > 3 && status[3] != ' ') {
    return "no space following status code: " + bytes_literal(status);
  }
  if (std::any_of(status.begin(), status.end(), is_control)) {
    return "control character in status reason phrase: " + bytes_literal(status);
  }
  if (code[0] == '0') return "status code must be 100 or more: " + bytes_literal(status);
  if (code[0] == '1') {
    return "1xx is an interim response, which start_response cannot send: " + bytes_literal(status);
  }
  return "";
}

namespace {

// Recognises the ordinary case without a branch for each character.
bool is_plain(std::string_view name, std::string_view value) {
  bool plain = !name.empty();
  for (const char c : name) plain &= kToken[static_cast<unsigned char>(c)];
  for (const char c : value) plain &= static_cast<unsigned char>(c) >= 0x20;
  return plain && !same_name(name, kTransferEncoding);
}

}  // namespace

std::string bad_header(std::string_view name, std::string_view value) {
  if (is_plain(name, value)) return "";
  if (name.empty()) return "header name is empty";
  for (const char c : name) {
    if (kToken[static_cast<unsigned char>(c)]) continue;
    if (c == ' ') return "space character in header name: " + bytes_literal(name);
    if (is_control(c)) return "control character in header name: " + bytes_literal(name);
    return "character not allowed in header name: " + bytes_literal(name);
  }
  for (const char c : value) {
    if (c == '\r') return "carriage return character in header value: " + bytes_literal(value);
    if (c == '\n') return "line feed character in header value: " + bytes_literal(value);
    if (c == '\0') return "null character in header value: " + bytes_literal(value);
  }
  if (same_name(name, kTransferEncoding)) {
    return "hop-by-hop header is the server's, not the application's: " + bytes_literal(name);
  }
  return "";
}

bool is_hop_by_hop(std::string_view name) noexcept {
  for (const std::string_view hop : kHopByHop) {
    if (same_name(name, hop)) return true;
  }
  return false;
}

bool names_option(std::string_view connection, std::string_view name) noexcept {
  if (same_name(name, "Content-Length")) return false;
  while (!connection.empty()) {
    const std::size_t comma = connection.find(',');
    std::string_view option = connection.substr(0, comma);
    connection.remove_prefix(comma == std::string_view::npos ? connection.size() : comma + 1);
    while (!option.empty() && is_blank(option.front())) option.remove_prefix(1);
    while (!option.empty() && is_blank(option.back())) option.remove_suffix(1);
    if (same_name(option, name)) return true;
  }
  return false;
}

std::optional<std::int64_t> parse_content_length(std::string_view value) noexcept {
  while (!value.empty() && value.back() == ' ') value.remove_suffix(1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  if (value.empty() || !is_digit(value.front())) return std::nullopt;
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc{} || end != value.data() + value.size()) return std::nullopt;
  return number;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  std::string result;
  for (const char c : text.substr(0, kLongest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F && c != '\'' && c != '\\') {
      result += c;
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\r') {
      result += "\\r";
    } else {
      constexpr std::string_view kHex = "0123456789abcdef";
      result += "\\x";
      result += kHex[byte >> 4];
      result += kHex[byte & 0xF];
    }
  }
  if (text.size() > kLongest) result += "...";
  return result;
}

}  // namespace brine::wsgi

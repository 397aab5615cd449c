#include "apache/log_lines.hpp"

namespace brine::apache {

namespace {

constexpr std::string_view kCodePrefix = "BRINE";

// Returns how many bytes httpd's escaping makes of one (ap_escape_errorlog_item).
std::size_t escaped_size(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte < 0x20 || byte >= 0x7f) {
    return 4;
  }
  return c == '\\' ? 2 : 1;
}

// Returns how many bytes of `line` fit into one record; at least one.
std::size_t piece_size(std::string_view line, std::size_t longest) {
  std::size_t escaped = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    escaped += escaped_size(line[i]);
    if (escaped > longest && i > 0) {
      return i;
    }
  }
  return line.size();
}

std::string without_nul(std::string_view piece) {
  std::string clean;
  clean.reserve(piece.size());
  for (const char c : piece) {
    c == '\0' ? clean.append("\\0") : clean.append(1, c);
  }
  return clean;
}

}  // namespace

std::string_view leading_code(std::string_view text) {
  if (!text.starts_with(kCodePrefix)) {
    return {};
  }
  const std::size_t end = text.find_first_not_of("0123456789", kCodePrefix.size());
  const bool is_code =
      end != std::string_view::npos && end > kCodePrefix.size() && text[end] == ':';
  return is_code ? text.substr(0, end) : std::string_view();
}

std::vector<std::string> log_records(std::string_view text, std::size_t longest) {
  const std::string_view code = leading_code(text);
  const std::string further = code.empty() ? std::string() : std::string(code) + "| ";
  if (text.ends_with('\n')) {
    text.remove_suffix(1);
  }
  std::vector<std::string> records;
  bool more = true;
  while (more) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    more = end != std::string_view::npos;
    text.remove_prefix(more ? end + 1 : text.size());
    do {
      const std::string_view piece = line.substr(0, piece_size(line, longest));
      line.remove_prefix(piece.size());
      records.push_back((records.empty() ? std::string() : further) + without_nul(piece));
    } while (!line.empty());
  }
  return records;
}

}  // namespace brine::apache

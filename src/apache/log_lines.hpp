// Splits a text into records of httpd's error log. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::apache {

/// A record's text may take this many bytes after httpd's escaping: httpd cuts a record at 8 KiB,
/// and time stamp, client and referer need room too.
inline constexpr std::size_t kLongestRecord = 6000;

/// Returns "BRINE0401" if the text begins with "BRINE0401:", else an empty text.
std::string_view leading_code(std::string_view text);

/// Returns the records that `text` makes: one for each line, and several for a very long line. If
/// the text begins with a code ("BRINE0401: ..."), the further records begin with "BRINE0401| ". A
/// NUL, at which httpd would stop, is written as \0. An empty text is one empty record; a newline
/// at the end makes none.
std::vector<std::string> log_records(std::string_view text, std::size_t longest = kLongestRecord);

}  // namespace brine::apache

// How a text becomes records of httpd's error log. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace brine::apache {

/// The most that httpd's formatting may make of one record's text, in bytes: it cuts a record at
/// 8 KiB, and time stamp, client and referer need room too.
inline constexpr std::size_t kLongestRecord = 6000;

/// The records that `text` makes: one a line, a very long line in pieces. Where the text opens with
/// a code ("BRINE0401: ..."), the further records begin with "BRINE0401| ". A NUL, at which httpd
/// would stop, is written as \0. An empty text is one empty record; a last newline makes none.
std::vector<std::string> log_records(std::string_view text, std::size_t longest = kLongestRecord);

}  // namespace brine::apache

// Parses the `name=value` options of directives such as WSGIScriptAlias. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace brine::apache {

/// Takes the words of `text` one by one, separated by blanks. A word, or the value of a
/// `name=value` word, may be quoted with " or ', and then may hold blanks. There are no escapes.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  /// Returns true if nothing but blanks is left.
  bool done();

  /// Returns the next word, which is no option; empty if it is quoted and empty.
  std::string_view next_word();

  /// Returns the next word as an option. Throws std::invalid_argument (a clause without subject,
  /// such as "has an unterminated quote in ...") if it has no name or no "=", or is malformed.
  std::pair<std::string_view, std::string_view> next_option();

 private:
  std::string_view quoted_or_bare();

  std::string_view rest_;
};

}  // namespace brine::apache

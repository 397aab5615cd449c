#include "apache/config/options.hpp"

#include <stdexcept>
#include <string>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

constexpr std::string_view kBlanks = " \t\r\n\f\v";

}  // namespace

bool Words::done() {
  const std::size_t start = rest_.find_first_not_of(kBlanks);
  rest_.remove_prefix(start == std::string_view::npos ? rest_.size() : start);
  return rest_.empty();
}

std::string_view Words::quoted_or_bare() {
  const bool quoted = !rest_.empty() && (rest_.front() == '"' || rest_.front() == '\'');
  if (!quoted) {
    const std::string_view word = rest_.substr(0, rest_.find_first_of(kBlanks));
    rest_.remove_prefix(word.size());
    return word;
  }
  const std::size_t end = rest_.find(rest_.front(), 1);
  if (end == std::string_view::npos) {
    throw std::invalid_argument("has an unterminated quote in " + base::in_quotes(rest_));
  }
  const std::string_view word = rest_.substr(1, end - 1);
  rest_.remove_prefix(end + 1);
  if (!rest_.empty() && kBlanks.find(rest_.front()) == std::string_view::npos) {
    throw std::invalid_argument("needs a blank after the quoted " + base::in_quotes(word));
  }
  return word;
}

std::string_view Words::next_word() {
  done();
  return quoted_or_bare();
}

std::pair<std::string_view, std::string_view> Words::next_option() {
  done();
  const std::size_t equals = rest_.find_first_of(std::string("=").append(kBlanks));
  if (equals == std::string_view::npos || rest_[equals] != '=' || equals == 0) {
    const std::string_view word = rest_.substr(0, rest_.find_first_of(kBlanks));
    throw std::invalid_argument("has the argument " + base::in_quotes(word) +
                                ", where an option of the form name=value is expected");
  }
  const std::string_view name = rest_.substr(0, equals);
  rest_.remove_prefix(equals + 1);
  return {name, quoted_or_bare()};
}

}  // namespace brine::apache

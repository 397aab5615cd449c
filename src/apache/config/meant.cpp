#include "apache/config/meant.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

// Where no option is like the unknown one, so many are listed.
constexpr std::size_t kFewOptions = 6;
// A longer word is no slip of the keyboard, and comparing takes the product of lengths.
constexpr std::size_t kLongestWord = 64;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

// Returns how many letters have to be added, left out, replaced or exchanged with their neighbour
// to make one word of the other. Rows are those of the common table of prefixes' distances.
std::size_t slips_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> older(b.size() + 1), before(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    before[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({before[j] + 1, row[j - 1] + 1, before[j - 1] + (same ? 0 : 1)});
      const bool exchanged = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                             lower(a[i - 2]) == lower(b[j - 1]);
      if (exchanged) row[j] = std::min(row[j], older[j - 2] + 1);
    }
    older.swap(before);
    before.swap(row);
  }
  return before[b.size()];
}

std::string options_in(const std::vector<std::string_view>& known) {
  std::string text;
  for (const std::string_view name : known) {
    text += (text.empty() ? "" : ", ") + std::string(name) + "=";
  }
  return text;
}

}  // namespace

std::string_view meant(std::string_view word, const std::vector<std::string_view>& known) {
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t least = word.size() / 3 + 1;  // what is as far away is another word
  for (const std::string_view each : known) {
    const std::size_t far = slips_between(word, each);
    if (far >= least) continue;
    least = far;
    best = each;
  }
  return best;
}

std::string unknown_option(std::string_view name, const std::vector<std::string_view>& known) {
  const std::string clause = "has the unknown option " + base::in_quotes(name);
  if (known.empty()) return clause + "; it takes none";
  const std::string_view best = meant(name, known);
  if (!best.empty()) return clause + "; did you mean " + base::in_quotes(best) + "?";
  return known.size() <= kFewOptions ? clause + "; there are " + options_in(known) : clause;
}

}  // namespace brine::apache

#include "apache/request/status_format.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstddef>
#include <string>

#include "apache/request/trimmed.hpp"

namespace brine::apache {

namespace {

struct Named {
  std::string_view name;  ///< of ?format=
  std::string_view type;  ///< media type
  StatusFormat format;
};

// The first is what a client gets that has no wish. Prometheus asks for text/plain by its version,
// and people who ask for it mean the same.
constexpr std::array kFormats = {
    Named{"json", "application/json", StatusFormat::json},
    Named{"html", "text/html", StatusFormat::html},
    Named{"openmetrics", "application/openmetrics-text", StatusFormat::openmetrics},
    Named{"prometheus", "text/plain", StatusFormat::prometheus},
};

// Takes the part before the separator off the text.
std::string_view take_part(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = trimmed(text.substr(0, end));
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

// Returns the weight of a media range, which its parameters may give; a malformed one counts as 0.
double weight_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string parameter = lower(take_part(parameters, ';'));
    if (!parameter.starts_with("q=")) continue;
    double weight = 0;
    std::from_chars(parameter.data() + 2, parameter.data() + parameter.size(), weight);
    return weight >= 0 && weight <= 1 ? weight : 0;
  }
  return 1;
}

// Returns whether a media range, such as text/* or */*, has the type in it.
bool has_type(std::string_view range, std::string_view type) {
  if (range == type || range == "*/*") return true;
  return range.ends_with("/*") && type.starts_with(range.substr(0, range.size() - 1));
}

}  // namespace

std::optional<StatusFormat> status_format(std::string_view query, std::string_view accept) {
  while (!query.empty()) {
    const std::string_view pair = take_part(query, '&');
    if (!pair.starts_with("format=")) continue;
    const auto* found =
        std::find_if(kFormats.begin(), kFormats.end(),
                     [name = pair.substr(7)](const Named& row) { return row.name == name; });
    return found != kFormats.end() ? std::optional(found->format) : std::nullopt;
  }
  StatusFormat best = kFormats.front().format;
  double weight = 0;
  while (!accept.empty()) {
    std::string_view range = take_part(accept, ',');
    const std::string type = lower(take_part(range, ';'));
    const auto* found = std::find_if(kFormats.begin(), kFormats.end(),
                                     [&](const Named& row) { return has_type(type, row.type); });
    if (found == kFormats.end() || weight_of(range) <= weight) continue;
    weight = weight_of(range);
    best = found->format;
  }
  return best;
}

}  // namespace brine::apache

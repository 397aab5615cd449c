#include "apache/config/proxy_headers.hpp"

#include <strings.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

template <class Value, class Visit>
bool any_of_all(Visit visit) {
  for (std::uint8_t i = 0; i < static_cast<std::uint8_t>(Value::count_); ++i) {
    if (visit(static_cast<Value>(i))) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::optional<ProxyHeader> proxy_header(std::string_view name) {
  const auto* const found = std::find_if(
      kProxyHeaderNames.begin(), kProxyHeaderNames.end(), [name](std::string_view known) {
        return known.size() == name.size() &&
               strncasecmp(known.data(), name.data(), known.size()) == 0;
      });
  if (found == kProxyHeaderNames.end()) {
    return std::nullopt;
  }
  return static_cast<ProxyHeader>(found - kProxyHeaderNames.begin());
}

bool ProxyHeaders::tell_of(Topic topic) const {
  return any_of_all<ProxyHeader>(
      [&](ProxyHeader header) { return has(header) && tells_of(header, topic); });
}

bool ProxyHeaders::concern(ProxyHeader header) const {
  return any_of_all<Topic>([&](Topic topic) { return tells_of(header, topic) && tell_of(topic); });
}

ProxyHeader parse_proxy_header(std::string_view name) {
  if (const std::optional<ProxyHeader> header = proxy_header(name)) {
    return *header;
  }
  std::string known;
  for (const std::string_view one : kProxyHeaderNames) {
    known.append(known.empty() ? "" : ", ").append(one);
  }
  throw std::invalid_argument("knows no header " + base::in_quotes(name) + ", but " + known);
}

}  // namespace brine::apache

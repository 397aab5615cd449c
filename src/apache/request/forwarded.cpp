#include "apache/request/forwarded.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <system_error>

#include "apache/request/trimmed.hpp"
#include "wsgi/headers.hpp"

namespace brine::apache {

namespace {

// No request comes through this many proxies.
constexpr std::size_t kMostHops = 64;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_letter_or_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// Returns true if an odd number of backslashes precedes the character at `at`.
bool is_escaped(std::string_view text, std::size_t at) {
  const std::size_t before = text.substr(0, at).find_last_not_of('\\');
  return (at - (before == std::string_view::npos ? 0 : before + 1)) % 2 != 0;
}

// Takes the items of a list from the right, without empty ones. What precedes an item, such as an
// open quote, cannot make the rightmost proxy's text a part of another item.
class ItemsFromTheRight {
 public:
  ItemsFromTheRight(std::string_view list, bool quotes) : rest_(list), quotes_(quotes) {}

  bool next() {
    item_ = {};
    while (item_.empty() && !rest_.empty()) {
      const std::size_t comma = last_comma();
      const std::size_t start = comma == std::string_view::npos ? 0 : comma + 1;
      item_ = trimmed(rest_.substr(start));
      rest_ = rest_.substr(0, start == 0 ? 0 : comma);
    }
    if (end_ == nullptr && !item_.empty()) end_ = item_.data() + item_.size();
    return !item_.empty();
  }

  std::string_view item() const { return item_; }
  /// Returns the list from this item on.
  std::string_view from_item() const {
    return {item_.data(), static_cast<std::size_t>(end_ - item_.data())};
  }

 private:
  std::size_t last_comma() const {
    bool inside = false;
    for (std::size_t at = rest_.size(); at-- > 0;) {
      if (quotes_ && rest_[at] == '"' && !is_escaped(rest_, at)) {
        inside = !inside;
      } else if (rest_[at] == ',' && !inside) {
        return at;
      }
    }
    return std::string_view::npos;
  }

  std::string_view rest_;
  std::string_view item_;
  const char* end_ = nullptr;
  bool quotes_;
};

// Returns the item at this place from the right, or the leftmost; empty if there is none.
std::string_view item_at(std::string_view list, std::size_t place) {
  ItemsFromTheRight items(list, false);
  std::string_view item;
  for (std::size_t at = 0; at <= place && items.next(); ++at) item = items.item();
  return item;
}

bool is_port(std::string_view text) {
  std::uint16_t port = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, port);
  return error == std::errc() && stop == end && port != 0 && text.front() != '0';
}

// Returns true for a name that means something to the proxy alone (RFC 7239, section 6.3).
bool is_obfuscated(std::string_view text) {
  return text.size() > 1 && text.front() == '_' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-';
         });
}

// A name or an address, and the text behind its colon.
struct HostAndPort {
  std::string_view host;
  std::optional<std::string_view> port;
};

// Splits off the port. Only an IPv6 address in brackets may have one.
HostAndPort split_port(std::string_view text) {
  const std::size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  const std::size_t colon = text.find(':', std::min(bracket, text.size()));
  if (colon == std::string_view::npos || (bracket == 0 && text.find(':') != text.rfind(':'))) {
    return {text, std::nullopt};
  }
  return {text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<Address> bracketed_address(std::string_view text) {
  if (text.size() < 2 || text.front() != '[' || text.back() != ']' ||
      text.find(':') == std::string_view::npos) {
    return std::nullopt;
  }
  return parse_address(text.substr(1, text.size() - 2));
}

// Returns the address of a node (RFC 7239), some of whose forms X-Forwarded-For has: 192.0.2.1,
// 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80.
std::optional<Address> address_of_node(std::string_view node) {
  const auto [host, port] = split_port(node);
  if (port && !is_port(*port) && !is_obfuscated(*port)) return std::nullopt;
  return host.starts_with('[') ? bracketed_address(host) : parse_address(host);
}

bool is_hidden_node(std::string_view node) {
  const auto [host, port] = split_port(node);
  return (wsgi::same_name(host, "unknown") || is_obfuscated(host)) &&
         (!port || is_port(*port) || is_obfuscated(*port));
}

// An item of Forwarded. A missing parameter is empty.
struct Hop {
  std::string_view node;  ///< for
  std::string_view host;
  std::string_view scheme;  ///< proto
};

// Takes the value behind a parameter's "=" from `text`. Nothing that is taken needs an escape.
std::optional<std::string_view> take_value(std::string_view& text) {
  std::string_view value;
  if (text.starts_with('"')) {
    const std::size_t end = text.find_first_of("\"\\", 1);
    if (end == std::string_view::npos || text[end] == '\\') return std::nullopt;
    value = text.substr(1, end - 1);
    text.remove_prefix(end + 1);
  } else {
    value = text.substr(0, text.find_first_of("; \t\"\\,"));
    text.remove_prefix(value.size());
  }
  text = trimmed(text);
  if (!text.empty() && text.front() != ';') return std::nullopt;
  return value.empty() ? std::nullopt : std::optional(value);
}

std::string_view* parameter(Hop& hop, std::string_view name) {
  if (wsgi::same_name(name, "for")) return &hop.node;
  if (wsgi::same_name(name, "host")) return &hop.host;
  return wsgi::same_name(name, "proto") ? &hop.scheme : nullptr;
}

// Parses an item of Forwarded (RFC 7239, section 4).
std::optional<Hop> parse_hop(std::string_view item) {
  Hop hop;
  while (!item.empty()) {
    if (item.front() == ';') {
      item = trimmed(item.substr(1));
      continue;
    }
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos) return std::nullopt;
    const std::string_view name = item.substr(0, equals);
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_letter_or_digit)) {
      return std::nullopt;
    }
    item.remove_prefix(equals + 1);
    const std::optional<std::string_view> value = take_value(item);
    std::string_view* known = parameter(hop, name);
    if (!value || (known != nullptr && !known->empty())) return std::nullopt;
    if (known != nullptr) *known = *value;
  }
  return hop;
}

bool is_host_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && text.front() != '.' &&
         text.find("..") == std::string_view::npos &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '.' || c == '-' || c == '_';
         });
}

std::optional<std::string_view> valid_server(std::string_view text) {
  const bool valid =
      text.starts_with('[') ? bracketed_address(text).has_value() : is_host_name(text);
  return valid ? std::optional(text) : std::nullopt;
}

std::optional<std::string_view> valid_host(std::string_view text) {
  const auto [host, port] = split_port(text);
  if (port && !is_port(*port)) return std::nullopt;
  return valid_server(host) ? std::optional(text) : std::nullopt;
}

std::optional<std::string_view> valid_port(std::string_view text) {
  return is_port(text) ? std::optional(text) : std::nullopt;
}

// Returns the text as SCRIPT_NAME if it consists of segments behind slashes. "//host" would be
// another server's URL in a redirect.
std::optional<std::string_view> valid_mount(std::string_view text) {
  const bool odd = std::any_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte <= ' ' || byte == 0x7f ||
           std::string_view("\\?#<>\"").find(c) != std::string_view::npos;
  });
  if (odd || !text.starts_with('/')) return std::nullopt;
  if (text.ends_with('/')) text.remove_suffix(1);
  for (std::size_t slash = 0; slash < text.size();) {
    const std::size_t next = std::min(text.find('/', slash + 1), text.size());
    const std::string_view segment = text.substr(slash + 1, next - slash - 1);
    if (segment.empty() || segment == "." || segment == "..") return std::nullopt;
    slash = next;
  }
  return text;
}

bool is_switch(ProxyHeader header) {
  return header == ProxyHeader::x_forwarded_https || header == ProxyHeader::x_forwarded_ssl ||
         header == ProxyHeader::x_https;
}

std::optional<bool> valid_scheme(ProxyHeader header, std::string_view text) {
  const auto is_any = [text](auto... words) { return (wsgi::same_name(text, words) || ...); };
  const bool yes = is_switch(header) ? is_any("on", "true", "1") : is_any("https");
  const bool no = is_switch(header) ? is_any("off", "false", "0") : is_any("http");
  return yes || no ? std::optional(yes) : std::nullopt;
}

// A list of addresses that has been read.
struct Chain {
  Address client;
  std::size_t hops = 0;     ///< how far from the list's right end was read
  std::string_view shown;   ///< what was read of it, and understood
  std::string_view host;    ///< Forwarded's; of the proxy that is nearest to the client and says it
  std::string_view scheme;  ///< likewise
  bool is_empty = true;
  bool misunderstood = false;
};

// Reads a request's fields topic by topic.
class Reader {
 public:
  Reader(const Address& sender, const ProxyFields& sent, const Trust& trust)
      : sent_(sent), trust_(trust) {
    result_.client = sender;
  }

  Forwarded read() {
    read_clients();
    read_topic(Topic::host, result_.host,
               [](ProxyHeader, std::string_view text) { return valid_host(text); });
    read_topic(Topic::server, result_.server,
               [](ProxyHeader, std::string_view text) { return valid_server(text); });
    read_topic(Topic::port, result_.port,
               [](ProxyHeader, std::string_view text) { return valid_port(text); });
    read_topic(Topic::mount, result_.mount,
               [](ProxyHeader, std::string_view text) { return valid_mount(text); });
    read_topic(Topic::scheme, result_.is_https, &valid_scheme);
    return result_;
  }

 private:
  bool is_believed(ProxyHeader header, Topic topic) const {
    return tells_of(header, topic) && trust_.believed.has(header) &&
           sent_[header].data() != nullptr;
  }

  template <class Visit>
  void each_believed(Topic topic, Visit visit) const {
    for (std::size_t i = 0; i < kProxyHeaderCount; ++i) {
      const auto header = static_cast<ProxyHeader>(i);
      if (is_believed(header, topic)) visit(header);
    }
  }

  void hide(Topic topic) {
    each_believed(topic, [&](ProxyHeader header) { result_.shown[header] = {}; });
  }

  // Reads one item; false where the chain ends.
  bool read_item(Chain& chain, ProxyHeader header, const ItemsFromTheRight& items) const {
    std::string_view node = items.item();
    if (header == ProxyHeader::forwarded) {
      const std::optional<Hop> hop = parse_hop(node);
      chain.misunderstood =
          !hop || (!hop->node.empty() && !address_of_node(hop->node) && !is_hidden_node(hop->node));
      if (chain.misunderstood) return false;
      if (!hop->host.empty()) chain.host = hop->host;
      if (!hop->scheme.empty()) chain.scheme = hop->scheme;
      chain.shown = items.from_item();
      node = hop->node;
    }
    const std::optional<Address> address = address_of_node(node);
    if (!address) {
      chain.misunderstood = header != ProxyHeader::forwarded;
      return false;
    }
    chain.client = *address;
    chain.shown = items.from_item();
    return !trust_.client_is_known && is_in(trust_.proxies, *address);
  }

  Chain read_chain(ProxyHeader header) const {
    Chain chain;
    chain.client = result_.client;
    ItemsFromTheRight items(sent_[header], header == ProxyHeader::forwarded);
    for (std::size_t at = 0; at < kMostHops && items.next(); ++at) {
      chain.is_empty = false;
      chain.hops = at;
      if (!read_item(chain, header, items)) break;
    }
    return chain;
  }

  void read_clients() {
    std::optional<Address> client;
    each_believed(Topic::client, [&](ProxyHeader header) {
      const Chain chain = read_chain(header);
      if (chain.misunderstood) result_.misunderstood = header;
      if (chain.is_empty) return;
      if (client && *client != chain.client) result_.contradicts = true;
      client = chain.client;
      hops_ = chain.hops;
      result_.shown[header] = chain.shown;
      if (header == ProxyHeader::forwarded) forwarded_ = chain;
    });
    if (result_.contradicts || trust_.client_is_known) {
      hide(Topic::client);
    } else if (client) {
      result_.client = *client;
    }
  }

  std::string_view said(ProxyHeader header, Topic topic) const {
    if (header != ProxyHeader::forwarded) return item_at(sent_[header], hops_);
    return topic == Topic::host ? forwarded_.host : forwarded_.scheme;
  }

  template <class Value, class Parse>
  void read_topic(Topic topic, Value& value, Parse parse) {
    decltype(parse(ProxyHeader::forwarded, std::string_view())) found;
    bool contradicts = false;
    each_believed(topic, [&](ProxyHeader header) {
      const std::string_view text = said(header, topic);
      if (text.empty()) return;
      const auto parsed = parse(header, text);
      if (!parsed) {
        result_.misunderstood = header;
        result_.shown[header] = {};
        return;
      }
      contradicts = contradicts || (found && *found != *parsed);
      found = parsed;
      if (header != ProxyHeader::forwarded) result_.shown[header] = text;
    });
    if (contradicts) {
      hide(topic);
    } else if (found) {
      value = *found;
    }
  }

  const ProxyFields& sent_;
  const Trust& trust_;
  std::size_t hops_ = 0;
  Chain forwarded_;
  Forwarded result_;
};

}  // namespace

Forwarded read_forwarded(const Address& sender, const ProxyFields& sent, const Trust& trust) {
  if (is_in(trust.proxies, sender)) {
    return Reader(sender, sent, trust).read();
  }
  Forwarded nothing;
  nothing.client = sender;
  return nothing;
}

}  // namespace brine::apache

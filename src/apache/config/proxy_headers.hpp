// Lists the header fields by which proxies tell what they have seen, and the topics of each. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "apache/config/networks.hpp"

namespace brine::apache {

/// A matter that a proxy may tell of. Fields that tell of the same are each other's synonyms.
enum class Topic : std::uint8_t { client, host, server, port, mount, scheme, count_ };

/// The fields that WSGITrustedProxyHeaders may name.
enum class ProxyHeader : std::uint8_t {
  forwarded,  ///< RFC 7239; tells of client, host and scheme
  x_forwarded_for,
  x_client_ip,
  x_real_ip,
  x_forwarded_host,
  x_host,
  x_forwarded_server,
  x_forwarded_port,
  x_script_name,
  x_forwarded_script_name,
  x_forwarded_proto,
  x_forwarded_scheme,
  x_scheme,
  x_forwarded_https,  ///< this and the two below say "on" or "off"
  x_forwarded_ssl,
  x_https,
  count_,
};

inline constexpr std::size_t kProxyHeaderCount = static_cast<std::size_t>(ProxyHeader::count_);

/// The names of the fields, by ProxyHeader.
inline constexpr std::array<std::string_view, kProxyHeaderCount> kProxyHeaderNames = {
    "Forwarded",          "X-Forwarded-For",
    "X-Client-IP",        "X-Real-IP",
    "X-Forwarded-Host",   "X-Host",
    "X-Forwarded-Server", "X-Forwarded-Port",
    "X-Script-Name",      "X-Forwarded-Script-Name",
    "X-Forwarded-Proto",  "X-Forwarded-Scheme",
    "X-Scheme",           "X-Forwarded-HTTPS",
    "X-Forwarded-SSL",    "X-HTTPS",
};

constexpr std::string_view name_of(ProxyHeader header) {
  return kProxyHeaderNames[static_cast<std::size_t>(header)];
}

/// Returns the field of that name, in any case, or nothing.
std::optional<ProxyHeader> proxy_header(std::string_view name);

/// Returns true if `header` tells of `topic`.
constexpr bool tells_of(ProxyHeader header, Topic topic) {
  switch (header) {
    case ProxyHeader::forwarded:
      return topic == Topic::client || topic == Topic::host || topic == Topic::scheme;
    case ProxyHeader::x_forwarded_for:
    case ProxyHeader::x_client_ip:
    case ProxyHeader::x_real_ip:
      return topic == Topic::client;
    case ProxyHeader::x_forwarded_host:
    case ProxyHeader::x_host:
      return topic == Topic::host;
    case ProxyHeader::x_forwarded_server:
      return topic == Topic::server;
    case ProxyHeader::x_forwarded_port:
      return topic == Topic::port;
    case ProxyHeader::x_script_name:
    case ProxyHeader::x_forwarded_script_name:
      return topic == Topic::mount;
    default:
      return topic == Topic::scheme;
  }
}

/// A set of these fields.
class ProxyHeaders {
 public:
  void add(ProxyHeader header) { bits_ |= bit(header); }
  bool has(ProxyHeader header) const { return (bits_ & bit(header)) != 0; }
  bool operator==(const ProxyHeaders&) const = default;

  /// Returns true if one of its fields tells of `topic`.
  bool tell_of(Topic topic) const;
  /// Returns true if `header` tells of a topic that one of its fields tells of.
  bool concern(ProxyHeader header) const;

 private:
  static constexpr std::uint32_t bit(ProxyHeader header) {
    return std::uint32_t{1} << static_cast<unsigned>(header);
  }

  std::uint32_t bits_ = 0;
};

/// The fields of WSGITrustedProxyHeaders, which are believed if a trusted proxy sends them.
struct TrustedHeaders {
  ProxyHeaders fields;
  /// True if an .htaccess file says so: httpd's own log and access control do not depend on it.
  bool of_tenant = false;

  bool operator==(const TrustedHeaders&) const = default;
};

/// The networks of WSGITrustedProxies.
struct TrustedProxies {
  std::vector<Network> networks;
  bool of_tenant = false;
};

/// Parses a field's name for WSGITrustedProxyHeaders. Throws std::invalid_argument with a clause
/// that follows the directive's name.
ProxyHeader parse_proxy_header(std::string_view name);

}  // namespace brine::apache

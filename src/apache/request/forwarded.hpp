// Reads what trusted proxies say of a request by its header fields, and decides what of these
// fields an application may see. Pure.
//
// Fields concern a request where WSGITrustedProxyHeaders names them or a synonym of theirs (another
// field that tells of the same topic). Those that do not are the application's, as any other field.
//
// | sender               | field        | what it says              | taken     | application sees
// |
// |----------------------|--------------|---------------------------|-----------|------------------|
// | in WSGITrustedProxies| named        | valid                     | yes       | what was taken |
// | in WSGITrustedProxies| named        | not valid, or nothing     | no        | no such field |
// | in WSGITrustedProxies| two are named| valid, and not the same   | no        | neither of them |
// | in WSGITrustedProxies| a synonym    | anything                  | no        | no such field |
// | any other            | named, or a synonym | anything           | no        | no such field |
//
// Each proxy adds what it has seen at a list's right end. So lists are read from there: an address
// that is trusted itself is a proxy, whose own word stands to the left of it; the first that is not
// trusted is the client, and nobody vouches for what stands farther left. Where no address follows
// (unknown, _hidden), the last one that was found is the client. In the other lists, the item as
// far from the right end is taken, or the leftmost where there are fewer.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "apache/config/networks.hpp"
#include "apache/config/proxy_headers.hpp"

namespace brine::apache {

/// The values of the proxy headers. data() is null for a missing one.
class ProxyFields {
 public:
  std::string_view& operator[](ProxyHeader header) {
    return values_[static_cast<std::size_t>(header)];
  }
  std::string_view operator[](ProxyHeader header) const {
    return values_[static_cast<std::size_t>(header)];
  }

 private:
  std::array<std::string_view, kProxyHeaderCount> values_{};
};

/// The senders and fields that are believed.
struct Trust {
  ProxyHeaders believed;
  std::span<const Network> proxies;
  /// True if another module (mod_remoteip) has found the client: the fields' client is then not
  /// used.
  bool client_is_known = false;
};

/// The facts that trusted proxies tell. All views point into the fields that were sent.
struct Forwarded {
  Address client;                         ///< the sender, where no more is known
  bool contradicts = false;               ///< two fields name different clients; none is taken
  std::string_view host;                  ///< "shop.example:8443", or empty
  std::string_view server;                ///< "shop.example", or empty
  std::string_view port;                  ///< "443", or empty
  std::optional<std::string_view> mount;  ///< "/shop"; empty: the root
  std::optional<bool> is_https;
  ProxyFields shown;  ///< what the application sees of those that concern the request
  std::optional<ProxyHeader> misunderstood;  ///< sent by a trusted proxy, and not valid
};

/// Reads what `sender`, the peer of the connection, has sent.
Forwarded read_forwarded(const Address& sender, const ProxyFields& sent, const Trust& trust);

}  // namespace brine::apache

// Parses IP addresses and networks as directives and header fields write them. Pure: no name is
// looked up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace brine::apache {

/// An IP address. An IPv4 address lies in the last four bytes; an IPv6 address that stands for one
/// of IPv4 (::ffff:192.0.2.1) is that one.
struct Address {
  std::array<std::uint8_t, 16> bytes{};
  bool is_v4 = false;

  bool operator==(const Address&) const = default;
};

/// Parses an address without port, brackets or zone; nothing if `text` is none.
std::optional<Address> parse_address(std::string_view text);

/// Returns the address of these 4 or 16 bytes; nothing for another number.
std::optional<Address> address_of_bytes(std::span<const std::uint8_t> bytes);

/// Returns the address as httpd's log writes it: 192.0.2.1, 2001:db8::1.
std::string text_of(const Address& address);

/// The addresses that have their first bits in common.
class Network {
 public:
  /// Parses "192.0.2.1", "10.0.0.0/8", "10.0.0.0/255.0.0.0" or "2001:db8::/32". Throws
  /// std::invalid_argument with a clause that follows the directive's name.
  explicit Network(std::string_view text);

  bool holds(const Address& address) const;

 private:
  Address address_;
  unsigned bits_ = 128;  ///< of all 128, also where they are IPv4 addresses
};

/// Returns true if one of the networks holds `address`.
bool is_in(std::span<const Network> networks, const Address& address);

}  // namespace brine::apache

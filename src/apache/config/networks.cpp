#include "apache/config/networks.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstddef>
#include <stdexcept>
#include <system_error>

#include "base/quotes.hpp"

namespace brine::apache {

namespace {

constexpr unsigned kMappedBits = 96;  // of ::ffff:0:0/96, the IPv6 form of IPv4 addresses
constexpr std::array<std::uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const std::array<std::uint8_t, 16>& bytes) {
  return std::equal(kMapped.begin(), kMapped.end(), bytes.begin());
}

// Calls the C function, which wants a NUL behind `text` and none in it.
bool convert(int family, std::string_view text, std::uint8_t* bytes) {
  std::array<char, INET6_ADDRSTRLEN> copy{};
  if (text.size() >= copy.size() || text.find('\0') != std::string_view::npos) {
    return false;
  }
  std::copy(text.begin(), text.end(), copy.begin());
  return inet_pton(family, copy.data(), bytes) == 1;
}

[[noreturn]] void refuse_network(std::string_view text, const std::string& why) {
  throw std::invalid_argument(
      "must be IP addresses or networks such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32, not " +
      base::in_quotes(text) + why);
}

// Returns the number of bits of a mask such as 255.255.0.0, which must be its first ones.
std::optional<unsigned> bits_of_mask(std::string_view text) {
  std::array<std::uint8_t, 4> bytes{};
  if (!convert(AF_INET, text, bytes.data())) {
    return std::nullopt;
  }
  std::uint32_t mask = 0;
  for (const std::uint8_t byte : bytes) {
    mask = mask << 8U | byte;
  }
  const auto ones = static_cast<unsigned>(std::countl_one(mask));
  return std::popcount(mask) == static_cast<int>(ones) ? std::optional(ones) : std::nullopt;
}

std::optional<unsigned> number_of_bits(std::string_view text, bool is_v4) {
  unsigned bits = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, bits);
  if (error == std::errc() && stop == end && bits <= (is_v4 ? 32U : 128U)) {
    return bits;
  }
  return is_v4 ? bits_of_mask(text) : std::nullopt;
}

}  // namespace

std::optional<Address> address_of_bytes(std::span<const std::uint8_t> bytes) {
  Address address;
  if (bytes.size() == 4) {
    address.is_v4 = true;
    std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
    std::copy(bytes.begin(), bytes.end(), address.bytes.begin() + kMapped.size());
    return address;
  }
  if (bytes.size() != address.bytes.size()) {
    return std::nullopt;
  }
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  address.is_v4 = is_mapped(address.bytes);
  return address;
}

std::optional<Address> parse_address(std::string_view text) {
  std::array<std::uint8_t, 16> bytes{};
  if (convert(AF_INET, text, bytes.data())) {
    return address_of_bytes(std::span(bytes).first(4));
  }
  return convert(AF_INET6, text, bytes.data()) ? address_of_bytes(bytes) : std::nullopt;
}

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const std::uint8_t* bytes = address.bytes.data() + (address.is_v4 ? kMapped.size() : 0);
  inet_ntop(address.is_v4 ? AF_INET : AF_INET6, bytes, text.data(), text.size());
  return text.data();
}

Network::Network(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view written = text.substr(0, slash);
  const std::optional<Address> address = parse_address(written);
  if (!address) {
    refuse_network(text, "; no name is looked up");
  }
  address_ = *address;
  if (slash == std::string_view::npos) {
    return;
  }
  // If an IPv4 address is written as one of IPv6, its bits are counted as IPv6's.
  const bool counts_v4 = address_.is_v4 && written.find(':') == std::string_view::npos;
  const std::optional<unsigned> bits = number_of_bits(text.substr(slash + 1), counts_v4);
  if (!bits) {
    refuse_network(text, counts_v4 ? "; behind the slash belongs a number of bits up to 32"
                                   : "; behind the slash belongs a number of bits up to 128");
  }
  bits_ = *bits + (counts_v4 ? kMappedBits : 0);
  if (address_.is_v4 && bits_ < kMappedBits) {
    refuse_network(text, "; write networks of IPv4 as such");
  }
}

bool Network::holds(const Address& address) const {
  if (address.is_v4 != address_.is_v4) {
    return false;
  }
  const std::size_t whole = bits_ / 8;
  const unsigned rest = bits_ % 8;
  const auto& ours = address_.bytes;
  const auto& theirs = address.bytes;
  if (!std::equal(ours.begin(), ours.begin() + static_cast<std::ptrdiff_t>(whole),
                  theirs.begin())) {
    return false;
  }
  return rest == 0 || (ours[whole] ^ theirs[whole]) >> (8 - rest) == 0;
}

bool is_in(std::span<const Network> networks, const Address& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&](const Network& network) { return network.holds(address); });
}

}  // namespace brine::apache

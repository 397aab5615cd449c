// What holds for the header fields of every request behind a proxy: of an untrusted sender nothing
// is taken or shown, and what is taken of a trusted one is a part of what was sent, and is valid.
//
// The first byte says whether the sender is trusted, the two after it which fields are believed.
// Then comes a line for each field: a byte for its name, and its value.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "apache/request/forwarded.hpp"

namespace {

using brine::apache::Address;
using brine::apache::Forwarded;
using brine::apache::kProxyHeaderCount;
using brine::apache::Network;
using brine::apache::ProxyFields;
using brine::apache::ProxyHeader;
using brine::apache::Trust;

constexpr std::size_t kMostPort = 5;

void require(bool holds) {
  if (!holds) std::abort();
}

template <class Visit>
void for_each_header(Visit visit) {
  for (std::size_t i = 0; i < kProxyHeaderCount; ++i) visit(static_cast<ProxyHeader>(i));
}

ProxyFields fields_in(std::string_view lines) {
  ProxyFields sent;
  while (!lines.empty()) {
    const std::string_view line = lines.substr(0, lines.find('\n'));
    if (!line.empty()) {
      const auto header =
          static_cast<ProxyHeader>(static_cast<unsigned char>(line[0]) % kProxyHeaderCount);
      sent[header] = line.substr(1);
    }
    lines.remove_prefix(std::min(lines.size(), line.size() + 1));
  }
  return sent;
}

bool is_within(std::string_view part, std::string_view all) {
  return part.empty() ||
         (part.data() >= all.data() && part.data() + part.size() <= all.data() + all.size());
}

bool is_graphic(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

void check_nothing_taken(const Forwarded& said, const Address& sender, const Trust& trust) {
  require(said.client == sender && !said.contradicts && !said.misunderstood);
  require(said.host.empty() && said.server.empty() && said.port.empty());
  require(!said.mount && !said.is_https);
  for_each_header([&](ProxyHeader header) {
    require(!trust.believed.concern(header) || said.shown[header].data() == nullptr);
  });
}

void check_taken(const Forwarded& said, std::string_view all) {
  for (const std::string_view text : {said.host, said.server, said.port}) {
    require(is_within(text, all) && is_graphic(text));
  }
  require(said.port.size() <= kMostPort &&
          said.port.find_first_not_of("0123456789") == said.port.npos);
  require(said.host.find('/') == said.host.npos && said.server.find('/') == said.server.npos);
  if (said.mount) {
    require(is_within(*said.mount, all));
    require(said.mount->empty() || (said.mount->front() == '/' && said.mount->back() != '/'));
  }
  for_each_header([&](ProxyHeader header) { require(is_within(said.shown[header], all)); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHead = 3;
  if (size < kHead) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const Address sender = *brine::apache::parse_address("192.0.2.1");
  const std::vector<Network> proxies = {Network("192.0.2.0/24"), Network("2001:db8::/32")};
  Trust trust;
  if ((data[0] & 1U) != 0) trust.proxies = proxies;
  trust.client_is_known = (data[0] & 2U) != 0;
  const unsigned believed = data[1] | static_cast<unsigned>(data[2]) << 8U;
  for_each_header([&](ProxyHeader header) {
    if ((believed >> static_cast<unsigned>(header) & 1U) != 0) trust.believed.add(header);
  });
  const std::string_view lines = std::string_view(bytes).substr(kHead);
  const Forwarded said = read_forwarded(sender, fields_in(lines), trust);
  if (trust.proxies.empty()) {
    check_nothing_taken(said, sender, trust);
  } else {
    check_taken(said, lines);
  }
  return 0;
}

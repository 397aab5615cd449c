#include <gtest/gtest.h>

#include <list>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "apache/config/networks.hpp"
#include "apache/config/proxy_headers.hpp"
#include "apache/request/forwarded.hpp"

namespace brine::apache {
namespace {

Address ip(std::string_view text) { return parse_address(text).value(); }

TEST(Addresses, AreTakenAsTheyAreAndInNoOtherForm) {
  EXPECT_EQ(text_of(ip("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(text_of(ip("2001:DB8::1")), "2001:db8::1");
  EXPECT_EQ(ip("::ffff:192.0.2.1"), ip("192.0.2.1"));
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.01"sv, "192.0.2.1 "sv, "192.0.2.1\0"sv,
        "[::1]"sv, "fe80::1%eth0"sv, "localhost"sv, "::1::"sv, "0x7f.0.0.1"sv, "2130706433"sv}) {
    EXPECT_FALSE(parse_address(text)) << text;
  }
  EXPECT_FALSE(parse_address(std::string(1000, '1')));
}

TEST(Networks, HoldWhatTheirFirstBitsSay) {
  EXPECT_TRUE(Network("10.0.0.0/8").holds(ip("10.255.255.255")));
  EXPECT_FALSE(Network("10.0.0.0/8").holds(ip("11.0.0.0")));
  EXPECT_TRUE(Network("10.0.0.128/25").holds(ip("10.0.0.255")));
  EXPECT_FALSE(Network("10.0.0.128/25").holds(ip("10.0.0.127")));
  EXPECT_TRUE(Network("10.1.2.3/255.255.0.0").holds(ip("10.1.9.9")));
  EXPECT_TRUE(Network("192.0.2.1").holds(ip("::ffff:192.0.2.1")));
  EXPECT_TRUE(Network("::ffff:10.0.0.0/104").holds(ip("10.9.9.9")));
  EXPECT_TRUE(Network("2001:db8::/33").holds(ip("2001:db8:7fff::1")));
  EXPECT_FALSE(Network("2001:db8::/33").holds(ip("2001:db8:8000::1")));
  EXPECT_TRUE(Network("0.0.0.0/0").holds(ip("203.0.113.9")));
  EXPECT_FALSE(Network("0.0.0.0/0").holds(ip("::1")));
  EXPECT_TRUE(Network("::/0").holds(ip("::1")));
  EXPECT_FALSE(Network("::/0").holds(ip("203.0.113.9")));
  EXPECT_FALSE(Network("::1").holds(ip("::2")));
}

TEST(Networks, AreRefusedWithWhatWouldBeRight) {
  for (const char* text :
       {"", "localhost", "10", "10.1", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8",
        "::/129", "::1/255.0.0.0", "10.0.0.0/255.0.255.0", "::ffff:10.0.0.0/90", "*", "[::1]"}) {
    try {
      const Network network{text};
      FAIL() << text;
    } catch (const std::invalid_argument& error) {
      EXPECT_NE(std::string(error.what()).find("10.0.0.0/8"), std::string::npos) << error.what();
    }
  }
}

TEST(ProxyHeaderNames, AreKnownInAnyCaseAndTheDirectiveNamesThemAll) {
  EXPECT_EQ(proxy_header("x-FORWARDED-for"), ProxyHeader::x_forwarded_for);
  EXPECT_EQ(proxy_header("X-Forwarded-Fo"), std::nullopt);
  EXPECT_EQ(parse_proxy_header("forwarded"), ProxyHeader::forwarded);
  try {
    parse_proxy_header("X-Forwarded-Fro");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("X-HTTPS"), std::string::npos);
  }
}

// A request from 127.0.0.1, which is trusted as 10.0.0.0/8 and 2001:db8::/32 are.
class ForwardedTest : public ::testing::Test {
 protected:
  ForwardedTest() {
    for (const char* text : {"127.0.0.1", "10.0.0.0/8", "2001:db8::/32"}) {
      networks_.emplace_back(text);
    }
  }

  // A field that is believed.
  void send(ProxyHeader header, std::string_view value) {
    trust_.believed.add(header);
    sent_[header] = texts_.emplace_back(value);
  }

  Forwarded read(std::string_view sender = "127.0.0.1") {
    trust_.proxies = networks_;
    return read_forwarded(ip(sender), sent_, trust_);
  }

  // The client that a field alone names.
  std::string client(ProxyHeader header, std::string_view value) {
    sent_ = {};
    trust_.believed = {};
    send(header, value);
    return text_of(read().client);
  }

  std::string client(std::string_view list) { return client(ProxyHeader::x_forwarded_for, list); }

  // What is believed of a field that stands alone.
  Forwarded alone(ProxyHeader header, std::string_view value) {
    sent_ = {};
    trust_.believed = {};
    send(header, value);
    return read();
  }

  std::vector<Network> networks_;
  std::list<std::string> texts_;
  ProxyFields sent_;
  Trust trust_;
};

TEST_F(ForwardedTest, ListsAreReadFromTheRight) {
  EXPECT_EQ(client("203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(client("6.6.6.6, 203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(client("6.6.6.6, 203.0.113.5, 10.0.0.1, 10.0.0.2"), "203.0.113.5");
  EXPECT_EQ(client("10.0.0.3, 10.0.0.1"), "10.0.0.3");
  EXPECT_EQ(client("203.0.113.5, 2001:db8::7"), "203.0.113.5");
  EXPECT_EQ(client("::ffff:203.0.113.5, ::ffff:10.0.0.1"), "203.0.113.5");
}

TEST_F(ForwardedTest, EmptyItemsAreNone) {
  for (const char* list :
       {"203.0.113.5, , 10.0.0.1", "203.0.113.5,,10.0.0.1", "203.0.113.5, 10.0.0.1,",
        ", 203.0.113.5,\t10.0.0.1", ",,203.0.113.5 , , , "}) {
    EXPECT_EQ(client(list), "203.0.113.5") << list;
  }
  EXPECT_EQ(client(""), "127.0.0.1");
  EXPECT_EQ(client(" , ,"), "127.0.0.1");
  EXPECT_EQ(read().shown[ProxyHeader::x_forwarded_for].data(), nullptr);
}

TEST_F(ForwardedTest, WhatIsNoAddressEndsTheList) {
  for (const char* list : {"6.6.6.6, unknown, 10.0.0.1", "6.6.6.6, _hidden, 10.0.0.1",
                           "6.6.6.6, host.example, 10.0.0.1", "6.6.6.6, 1.2.3, 10.0.0.1",
                           "6.6.6.6, 1.2.3.4:99999, 10.0.0.1", "6.6.6.6, [::1, 10.0.0.1",
                           "6.6.6.6, \"10.0.0.2\", 10.0.0.1"}) {
    EXPECT_EQ(client(list), "10.0.0.1") << list;
    EXPECT_EQ(read().misunderstood, ProxyHeader::x_forwarded_for);
    EXPECT_EQ(read().shown[ProxyHeader::x_forwarded_for], "10.0.0.1");
  }
  EXPECT_EQ(client("evil"), "127.0.0.1");
}

TEST_F(ForwardedTest, AddressesMayHavePorts) {
  EXPECT_EQ(client("203.0.113.5:4711"), "203.0.113.5");
  EXPECT_EQ(client("[2001:db9::5]:4711"), "2001:db9::5");
  EXPECT_EQ(client("[2001:db9::5]"), "2001:db9::5");
  EXPECT_EQ(client("2001:db9::5"), "2001:db9::5");
  EXPECT_EQ(client("[203.0.113.5]"), "127.0.0.1");
  EXPECT_EQ(client("203.0.113.5:"), "127.0.0.1");
}

TEST_F(ForwardedTest, ALongListHasAnEnd) {
  std::string list = "203.0.113.5";
  for (int i = 0; i < 100000; ++i) list += ",10.0.0.1";
  EXPECT_EQ(client(list), "10.0.0.1");
}

TEST_F(ForwardedTest, TheApplicationSeesTheListFromTheClientOn) {
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_for, "6.6.6.6, 203.0.113.5, 10.0.0.1,")
                .shown[ProxyHeader::x_forwarded_for],
            "203.0.113.5, 10.0.0.1");
}

TEST_F(ForwardedTest, OfAnUntrustedSenderNothingIsTakenOrShown) {
  send(ProxyHeader::x_forwarded_for, "203.0.113.5");
  send(ProxyHeader::x_forwarded_host, "evil.example");
  send(ProxyHeader::x_forwarded_proto, "https");
  send(ProxyHeader::x_forwarded_port, "443");
  send(ProxyHeader::x_forwarded_server, "evil.example");
  send(ProxyHeader::x_script_name, "/evil");
  for (const char* sender : {"203.0.113.77", "::1", "11.0.0.1"}) {
    const Forwarded said = read(sender);
    EXPECT_EQ(said.client, ip(sender));
    EXPECT_TRUE(said.host.empty() && said.server.empty() && said.port.empty());
    EXPECT_FALSE(said.mount || said.is_https || said.misunderstood);
    EXPECT_EQ(said.shown[ProxyHeader::x_forwarded_for].data(), nullptr);
    EXPECT_EQ(said.shown[ProxyHeader::x_script_name].data(), nullptr);
  }
  networks_.clear();
  EXPECT_EQ(read().client, ip("127.0.0.1"));
  EXPECT_EQ(read().host, "");
}

TEST_F(ForwardedTest, SynonymsAreConcernedAndNotBelieved) {
  sent_[ProxyHeader::x_real_ip] = "6.6.6.6";
  sent_[ProxyHeader::forwarded] = "for=6.6.6.6;host=evil.example";
  send(ProxyHeader::x_forwarded_for, "203.0.113.5");
  const Forwarded said = read();
  EXPECT_EQ(said.client, ip("203.0.113.5"));
  EXPECT_EQ(said.shown[ProxyHeader::x_real_ip].data(), nullptr);
  EXPECT_TRUE(trust_.believed.concern(ProxyHeader::x_client_ip));
  EXPECT_TRUE(trust_.believed.concern(ProxyHeader::forwarded));
  EXPECT_FALSE(trust_.believed.concern(ProxyHeader::x_forwarded_host));
}

TEST_F(ForwardedTest, TwoFieldsMustAgree) {
  send(ProxyHeader::x_forwarded_for, "203.0.113.5, 10.0.0.1");
  send(ProxyHeader::x_real_ip, "203.0.113.5");
  send(ProxyHeader::x_forwarded_proto, "https");
  send(ProxyHeader::x_forwarded_ssl, "on");
  EXPECT_FALSE(read().contradicts);
  EXPECT_EQ(read().client, ip("203.0.113.5"));
  EXPECT_EQ(read().is_https, true);
  send(ProxyHeader::x_real_ip, "127.0.0.1");
  send(ProxyHeader::x_forwarded_ssl, "off");
  const Forwarded said = read();
  EXPECT_TRUE(said.contradicts);
  EXPECT_EQ(said.client, ip("127.0.0.1"));
  EXPECT_EQ(said.is_https, std::nullopt);
  EXPECT_EQ(said.shown[ProxyHeader::x_real_ip].data(), nullptr);
  EXPECT_EQ(said.shown[ProxyHeader::x_forwarded_proto].data(), nullptr);
}

TEST_F(ForwardedTest, AClientThatIsKnownStands) {
  trust_.client_is_known = true;
  send(ProxyHeader::x_forwarded_for, "203.0.113.5");
  send(ProxyHeader::x_forwarded_host, "a.example, b.example");
  EXPECT_EQ(read().client, ip("127.0.0.1"));
  EXPECT_EQ(read().shown[ProxyHeader::x_forwarded_for].data(), nullptr);
  EXPECT_EQ(read().host, "b.example");
}

TEST_F(ForwardedTest, OtherListsGoWithTheAddresses) {
  send(ProxyHeader::x_forwarded_proto, "ftp, https, http");
  send(ProxyHeader::x_forwarded_host, "evil.example, shop.example:8443, inner.example");
  EXPECT_EQ(read().is_https, false);
  EXPECT_EQ(read().host, "inner.example");
  send(ProxyHeader::x_forwarded_for, "6.6.6.6, 203.0.113.5, 10.0.0.1");
  EXPECT_EQ(read().is_https, true);
  EXPECT_EQ(read().host, "shop.example:8443");
  EXPECT_EQ(read().shown[ProxyHeader::x_forwarded_proto], "https");
  send(ProxyHeader::x_forwarded_proto, "http");
  EXPECT_EQ(read().is_https, false);
}

TEST_F(ForwardedTest, HostsAreChecked) {
  for (const char* host :
       {"shop.example", "shop.example:8443", "192.0.2.1", "[2001:db8::1]:80", "a_b-c"}) {
    EXPECT_EQ(alone(ProxyHeader::x_forwarded_host, host).host, host);
  }
  for (const char* host :
       {"shop example", "shop.example:0", "shop.example:65536", "shop.example:", ":80", "a/b",
        "a@b", "user:pw@host", "[::1", "[evil]", "a..b", ".a", "<a>", "a\\b", "2001:db8::1"}) {
    const Forwarded said = alone(ProxyHeader::x_forwarded_host, host);
    EXPECT_EQ(said.host, "") << host;
    EXPECT_EQ(said.misunderstood, ProxyHeader::x_forwarded_host);
    EXPECT_EQ(said.shown[ProxyHeader::x_forwarded_host].data(), nullptr);
  }
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_host, std::string(300, 'a')).host, "");
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_server, "shop.example").server, "shop.example");
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_server, "shop.example:80").server, "");
}

TEST_F(ForwardedTest, PortsAreChecked) {
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_port, "443").port, "443");
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_port, "65535").port, "65535");
  for (const char* port : {"0", "65536", "-1", "+1", "0443", "80x", "http", "8 0"}) {
    EXPECT_EQ(alone(ProxyHeader::x_forwarded_port, port).port, "") << port;
  }
}

TEST_F(ForwardedTest, MountsAreChecked) {
  EXPECT_EQ(alone(ProxyHeader::x_script_name, "/shop").mount, "/shop");
  EXPECT_EQ(alone(ProxyHeader::x_script_name, "/shop/").mount, "/shop");
  EXPECT_EQ(alone(ProxyHeader::x_script_name, "/").mount, "");
  EXPECT_EQ(alone(ProxyHeader::x_script_name, "/evil, /a/b").mount, "/a/b");
  for (const char* mount :
       {"shop", "//evil.example", "/a//b", "/a/../b", "/..", "/./a", "/a?b", "/a#b", "/a b",
        "/\\evil.example", "/a\x7f", "/<a>", "http://evil.example"}) {
    EXPECT_EQ(alone(ProxyHeader::x_script_name, mount).mount, std::nullopt) << mount;
  }
}

TEST_F(ForwardedTest, SchemesAreWordsInAnyCase) {
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_proto, "HTTPS").is_https, true);
  EXPECT_EQ(alone(ProxyHeader::x_scheme, "http").is_https, false);
  EXPECT_EQ(alone(ProxyHeader::x_https, "On").is_https, true);
  EXPECT_EQ(alone(ProxyHeader::x_https, "true").is_https, true);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_https, "1").is_https, true);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_ssl, "off").is_https, false);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_ssl, "0").is_https, false);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_proto, "on").is_https, std::nullopt);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_ssl, "https").is_https, std::nullopt);
  EXPECT_EQ(alone(ProxyHeader::x_forwarded_proto, "gopher").is_https, std::nullopt);
}

TEST_F(ForwardedTest, Rfc7239) {
  const auto named = [this](std::string_view text) { return client(ProxyHeader::forwarded, text); };
  EXPECT_EQ(named("for=203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(named("For=\"203.0.113.5:80\";by=10.0.0.1; proto=https ;host=\"shop.example:8443\""),
            "203.0.113.5");
  EXPECT_EQ(read().is_https, true);
  EXPECT_EQ(read().host, "shop.example:8443");
  EXPECT_EQ(named("for=\"[2001:db9::5]:4711\""), "2001:db9::5");
  EXPECT_EQ(
      named("for=6.6.6.6, for=203.0.113.5;host=shop.example, for=10.0.0.1;host=inner;proto=http"),
      "203.0.113.5");
  EXPECT_EQ(read().host, "shop.example");
  EXPECT_EQ(read().is_https, false);
  EXPECT_EQ(read().shown[ProxyHeader::forwarded],
            "for=203.0.113.5;host=shop.example, for=10.0.0.1;host=inner;proto=http");
}

TEST_F(ForwardedTest, HiddenNodesEndTheChain) {
  for (const char* node : {"unknown", "Unknown", "_hidden", "\"_a.b-c:_port\"", "\"unknown:80\""}) {
    EXPECT_EQ(client(ProxyHeader::forwarded,
                     "for=6.6.6.6, for=" + std::string(node) + ";proto=https, for=10.0.0.1"),
              "10.0.0.1");
    EXPECT_EQ(read().is_https, true) << node;
    EXPECT_EQ(read().misunderstood, std::nullopt) << node;
  }
}

TEST_F(ForwardedTest, AnOpenQuoteSwallowsNothing) {
  const auto named = [this](std::string_view text) { return client(ProxyHeader::forwarded, text); };
  EXPECT_EQ(named("for=\"6.6.6.6, for=203.0.113.5"), "203.0.113.5");
  EXPECT_EQ(named("for=\"6.6.6.6, for=\"[2001:db9::5]\""), "2001:db9::5");
  EXPECT_EQ(named("for=\"6.6.6.6\\, for=\"[2001:db9::5]\""), "2001:db9::5");
  EXPECT_EQ(named("for=6.6.6.6;x=\"a, for=7.7.7.7\", for=10.0.0.1"), "6.6.6.6");
}

TEST_F(ForwardedTest, MalformedItemsEndTheChain) {
  for (const char* item : {"for", "for=", "for=\"", "for=\"\"", "for=6.6.6.6;for=7.7.7.7",
                           "for=6.6.6.6 x", "for=\"6.6.6.6\"x", "for=\"\\6.6.6.6\"", "f@r=6.6.6.6",
                           "=6.6.6.6", "for=\"2001:db9::5", "for=host.example"}) {
    EXPECT_EQ(client(ProxyHeader::forwarded, std::string(item) + ", for=10.0.0.1"), "10.0.0.1")
        << item;
    EXPECT_EQ(read().shown[ProxyHeader::forwarded], "for=10.0.0.1");
  }
}

}  // namespace
}  // namespace brine::apache

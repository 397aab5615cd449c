// The rules of header fields and status lines.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "wsgi/headers.hpp"

namespace brine::wsgi {
namespace {

TEST(EnvironName, FollowsCgi) {
  EXPECT_EQ(environ_name("User-Agent"), "HTTP_USER_AGENT");
  EXPECT_EQ(environ_name("x-Api2"), "HTTP_X_API2");
}

TEST(EnvironName, DropsWhatCouldStandForAnotherName) {
  EXPECT_FALSE(environ_name("X_Forwarded_For"));
  EXPECT_FALSE(environ_name("X.Y"));
  EXPECT_FALSE(environ_name(""));
  EXPECT_FALSE(environ_name("Proxy"));
  EXPECT_FALSE(environ_name("pROXY"));
  EXPECT_FALSE(environ_name("Content-Length"));
  EXPECT_FALSE(environ_name("content-type"));
}

TEST(BadStatus, AcceptsThreeDigitsWithOrWithoutAReason) {
  for (const char* good : {"200 OK", "200", "299 Fine", "404 Not Found", "999 \xE9"}) {
    EXPECT_EQ(bad_status(good), "") << good;
  }
}

TEST(BadStatus, SaysWhatIsWrong) {
  EXPECT_EQ(bad_status("OK"), "status code must be a 3 digit integer: b'OK'");
  EXPECT_EQ(bad_status("20"), "status code must be a 3 digit integer: b'20'");
  EXPECT_EQ(bad_status("2000"), "no space following status code: b'2000'");
  EXPECT_EQ(bad_status("200 a\r\nX: y"),
            "control character in status reason phrase: b'200 a\\r\\nX: y'");
  EXPECT_NE(bad_status(std::string_view("200 a\0b", 7)), "");
  EXPECT_NE(bad_status("100 Continue"), "");
  EXPECT_NE(bad_status("012 x"), "");
}

TEST(BadHeader, AcceptsOrdinaryFields) {
  EXPECT_EQ(bad_header("Content-Type", "text/plain"), "");
  EXPECT_EQ(bad_header("X-Empty", ""), "");
  EXPECT_EQ(bad_header("X-Tab", "a\tb"), "");
  EXPECT_EQ(bad_header("X-Latin", "caf\xE9"), "");
}

TEST(BadHeader, RefusesWhatWouldSplitOrCutTheResponse) {
  EXPECT_EQ(bad_header("", "x"), "header name is empty");
  EXPECT_EQ(bad_header("A B", "x"), "space character in header name: b'A B'");
  EXPECT_EQ(bad_header("A\n", "x"), "control character in header name: b'A\\n'");
  EXPECT_EQ(bad_header("A:", "x"), "character not allowed in header name: b'A:'");
  EXPECT_EQ(bad_header("A", "x\r\nB: y"),
            "carriage return character in header value: b'x\\r\\nB: y'");
  EXPECT_EQ(bad_header("A", "x\nB: y"), "line feed character in header value: b'x\\nB: y'");
  EXPECT_EQ(bad_header("A", std::string_view("x\0y", 3)),
            "null character in header value: b'x\\x00y'");
}

TEST(BadHeader, RefusesAnotherEndOfTheBody) {
  EXPECT_NE(bad_header("transfer-Encoding", "chunked"), "");
  EXPECT_EQ(bad_header("Connection", "close"), "");
}

TEST(HopByHop, AreTheServersFields) {
  for (const char* name : {"Connection", "Keep-Alive", "TE", "Trailer", "upgrade",
                           "Proxy-Connection", "PROXY-AUTHENTICATE", "Proxy-Authorization"}) {
    EXPECT_TRUE(is_hop_by_hop(name)) << name;
  }
  for (const char* name : {"", "Connections", "Content-Type", "Via", "WWW-Authenticate"}) {
    EXPECT_FALSE(is_hop_by_hop(name)) << name;
  }
}

TEST(HopByHop, AreThoseThatConnectionNames) {
  EXPECT_TRUE(names_option("X-Hop", "x-hop"));
  EXPECT_TRUE(names_option("close,\t X-Hop ,", "X-Hop"));
  EXPECT_FALSE(names_option("X-Hopper, X", "X-Hop"));
  EXPECT_FALSE(names_option("", "X-Hop"));
  EXPECT_FALSE(names_option("Content-Length", "content-length"));
}

TEST(ContentLength, IsDigitsOnly) {
  EXPECT_EQ(parse_content_length("0"), 0);
  EXPECT_EQ(parse_content_length(" 12 "), 12);
  for (const char* bad : {"", "-1", "+1", "1x", "0x10", "1 2", "99999999999999999999"}) {
    EXPECT_FALSE(parse_content_length(bad)) << bad;
  }
}

TEST(Shown, HidesNothingAndStaysShort) {
  EXPECT_EQ(shown("a'\\\xFF"), "a\\x27\\x5c\\xff");
  EXPECT_EQ(shown(std::string(200, 'a')).size(), 103U);
}

}  // namespace
}  // namespace brine::wsgi

// Where sub-interpreters can have a GIL of their own, and what is said where they cannot.
#include <gtest/gtest.h>

#include <string>

#include "apache/config/own_gil.hpp"

namespace brine::apache {
namespace {

TEST(OwnGil, NeedsPython312) {
  for (const char* python : {"3.12", "3.13", "3.20", "4.0"}) EXPECT_TRUE(has_own_gils(python));
  for (const char* python : {"3.11", "3.9", "3.1", "2.13", "3", "", "x"}) {
    EXPECT_FALSE(has_own_gils(python)) << python;
  }
}

TEST(OwnGil, NamesAllWhoCannot) {
  const std::string text =
      without_own_gil("WSGIPerInterpreterGIL On (a.conf:3)", {{"httpd's own processes", "3.11"},
                                                              {"daemon group 'new'", "3.12"},
                                                              {"daemon group 'old'", "3.10"}});
  EXPECT_TRUE(text.starts_with(
      "WSGIPerInterpreterGIL On (a.conf:3) has no effect for httpd's own processes (Python 3.11), "
      "daemon group 'old' (Python 3.10): before Python 3.12"))
      << text;
}

TEST(OwnGil, SaysNothingWhereAllCan) {
  EXPECT_EQ(without_own_gil("WSGIPerInterpreterGIL On", {{"httpd's own processes", "3.13"}}), "");
  EXPECT_EQ(without_own_gil("WSGIPerInterpreterGIL On", {}), "");
}

}  // namespace
}  // namespace brine::apache

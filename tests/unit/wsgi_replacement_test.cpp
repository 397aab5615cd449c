#include <gtest/gtest.h>

#include <array>

#include "wsgi/replacement.hpp"

namespace brine::wsgi {
namespace {

constexpr Replacements kAll{true, true, true};

Replacement with(const Replacements& allowed, int status, Field field) {
  return replacement(allowed, status, std::array{field});
}

TEST(Replacement, ALocalRedirectIs200WithAPathOfThisServer) {
  EXPECT_EQ(with(kAll, 200, {"Location", "/a"}), Replacement::local_redirect);
  EXPECT_EQ(with(kAll, 200, {"lOCATION", "/a b?c"}), Replacement::local_redirect);
  for (const char* other : {"", "a", "//host/a", "http://host/a", "/a\nb", "/a\x7f"}) {
    EXPECT_EQ(with(kAll, 200, {"Location", other}), Replacement::none) << other;
  }
  EXPECT_EQ(with(kAll, 201, {"Location", "/a"}), Replacement::none);
  EXPECT_EQ(with(kAll, 302, {"Location", "/a"}), Replacement::none);
  EXPECT_EQ(with({}, 200, {"Location", "/a"}), Replacement::none);
}

TEST(Replacement, AnErrorIsAStatusThatHttpdHasAPageFor) {
  for (const int status : {400, 404, 417, 421, 431, 451, 500, 511}) {
    EXPECT_EQ(replacement(kAll, status, {}), Replacement::error_page) << status;
    EXPECT_EQ(replacement({}, status, {}), Replacement::none) << status;
  }
  for (const int status : {200, 304, 399, 418, 419, 425, 432, 499, 509, 512, 520, 599, 600, 999}) {
    EXPECT_EQ(replacement(kAll, status, {}), Replacement::none) << status;
    EXPECT_EQ(with(kAll, status, {"Location", "/a"}),
              status == 200 ? Replacement::local_redirect : Replacement::none);
  }
  EXPECT_EQ(with(kAll, 499, {"X-Sendfile", "/a"}), Replacement::none);
}

TEST(Replacement, AFileIsNamedByXSendfile) {
  EXPECT_EQ(with(kAll, 200, {"x-sendfile", "/a"}), Replacement::file);
  EXPECT_EQ(with(kAll, 200, {"X-Sendfile", ""}), Replacement::none);
  EXPECT_EQ(with({true, true, false}, 200, {"X-Sendfile", "/a"}), Replacement::none);
}

TEST(Survives, WhatDescribesTheBodyGoesWithIt) {
  for (const char* name : {"content-length", "Content-Encoding", "ETag", "Last-Modified"}) {
    EXPECT_FALSE(survives(Replacement::local_redirect, name)) << name;
    EXPECT_FALSE(survives(Replacement::error_page, name)) << name;
  }
  for (const char* name : {"Set-Cookie", "WWW-Authenticate", "Retry-After", "X"}) {
    EXPECT_TRUE(survives(Replacement::local_redirect, name)) << name;
    EXPECT_TRUE(survives(Replacement::error_page, name)) << name;
  }
  EXPECT_TRUE(survives(Replacement::local_redirect, "Content-Disposition"));
  EXPECT_FALSE(survives(Replacement::error_page, "Content-Disposition"));
  EXPECT_FALSE(survives(Replacement::local_redirect, "Location"));
}

}  // namespace
}  // namespace brine::wsgi

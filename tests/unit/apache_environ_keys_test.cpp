#include <gtest/gtest.h>

#include <iterator>
#include <optional>

#include "apache/request/environ_keys.hpp"

namespace brine::apache {
namespace {

TEST(ClassifyHeader, IgnoresCase) {
  EXPECT_EQ(classify_header("content-TYPE"), HeaderKind::content_type);
  EXPECT_EQ(classify_header("Content-Length"), HeaderKind::content_length);
  EXPECT_EQ(classify_header("authorization"), HeaderKind::authorization);
  EXPECT_EQ(classify_header("Proxy-Authorization"), HeaderKind::proxy_authorization);
  EXPECT_EQ(classify_header("X-Forwarded-F"), HeaderKind::ordinary);
  EXPECT_EQ(classify_header(""), HeaderKind::ordinary);
}

TEST(VarOfKey, FindsEveryVar) {
  for (std::size_t i = 0; i < wsgi::kVarCount; ++i) {
    EXPECT_EQ(var_of_key(wsgi::kVarNames[i]), static_cast<wsgi::Var>(i)) << wsgi::kVarNames[i];
  }
  EXPECT_EQ(var_of_key("REQUEST"), std::nullopt);
  EXPECT_EQ(var_of_key(""), std::nullopt);
  EXPECT_EQ(var_of_key("zzz"), std::nullopt);
}

TEST(InternalKey, CannotBeForged) {
  EXPECT_TRUE(is_internal_key("wsgi.input"));
  EXPECT_TRUE(is_internal_key("mod_wsgi.process_group"));
  EXPECT_TRUE(is_internal_key("brine.request_id"));
  EXPECT_TRUE(is_internal_key("HTTPS"));
  EXPECT_FALSE(is_internal_key("HTTPS_PROXY"));
  EXPECT_FALSE(is_internal_key("WSGI"));
}

}  // namespace
}  // namespace brine::apache

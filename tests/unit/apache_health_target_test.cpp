#include <gtest/gtest.h>

#include "apache/request/health_target.hpp"

namespace brine::apache {
namespace {

TEST(HealthTarget, TheNameFollowsTheSectionsPath) {
  EXPECT_EQ(health_target("/brine-health/shop", "/brine-health"), "shop");
  EXPECT_EQ(health_target("/brine-health/shop/", "/brine-health/"), "shop");
  EXPECT_EQ(health_target("/brine-health//shop", "/brine-health"), "shop");
  EXPECT_EQ(health_target("/brine-health", "/brine-health"), "");
  EXPECT_EQ(health_target("/brine-health/", "/brine-health"), "");
  EXPECT_EQ(health_target("/brine-health/a/b", "/brine-health"), "a/b");
}

TEST(HealthTarget, WhereTheSectionHasNoSuchPathItIsTheLastSegment) {
  EXPECT_EQ(health_target("/healthy/shop", "/health"), "shop");
  EXPECT_EQ(health_target("/x/shop", ""), "shop");
  EXPECT_EQ(health_target("/x/shop", "^/x/"), "shop");
  EXPECT_EQ(health_target("", ""), "");
  EXPECT_EQ(health_target("/", "/"), "");
}

}  // namespace
}  // namespace brine::apache

#include <gtest/gtest.h>

#include <optional>
#include <string_view>

#include "apache/request/status_format.hpp"

namespace brine::apache {
namespace {

using enum StatusFormat;

TEST(StatusFormat, TheQueryNamesIt) {
  EXPECT_EQ(status_format("format=openmetrics", "application/json"), openmetrics);
  EXPECT_EQ(status_format("x=1&format=json", "text/plain"), json);
  EXPECT_EQ(status_format("format=prometheus", ""), prometheus);
  for (const std::string_view query : {"format=", "format=xml", "format=JSON", "format=json2"}) {
    EXPECT_EQ(status_format(query, "application/json"), std::nullopt) << query;
  }
}

TEST(StatusFormat, WithoutAQueryTheClientsPreferenceDecides) {
  EXPECT_EQ(status_format("", ""), json);
  EXPECT_EQ(status_format("other=1", "*/*"), json);
  EXPECT_EQ(status_format("",
                          "application/openmetrics-text;version=1.0.0;q=0.8,"
                          "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"),
            openmetrics);
  EXPECT_EQ(status_format("", "text/plain ; q=0.9, application/openmetrics-text;q=0.2"),
            prometheus);
  EXPECT_EQ(status_format("", "Text/Plain"), prometheus);
  EXPECT_EQ(status_format("", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            html);
}

TEST(StatusFormat, ARangeOfTypesHasThem) {
  EXPECT_EQ(status_format("", "image/png, text/*"), html);
  EXPECT_EQ(status_format("", "text/*;q=0.2, application/*;q=0.3"), json);
  EXPECT_EQ(status_format("", "text/plain;q=0.2, */*;q=0.3"), json);
  EXPECT_EQ(status_format("", "text/plain, */*"), prometheus);
  EXPECT_EQ(status_format("", "image/*"), json);
}

TEST(StatusFormat, WhatIsNoFieldOfAcceptChoosesNothing) {
  for (const std::string_view accept :
       {",", ";;;", "text/plain;q=2", "text/plain;q=", "text/plain;q=0", "q=1", " , ,"}) {
    EXPECT_EQ(status_format("", accept), json) << accept;
  }
}

}  // namespace
}  // namespace brine::apache

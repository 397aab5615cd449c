// How many processors a control group leaves to this server.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "daemon/supervisor/processors.hpp"

namespace brine::daemon {
namespace {

TEST(Processors, TheControlGroupOfVersion2IsFound) {
  EXPECT_EQ(control_group("0::/\n"), "/");
  EXPECT_EQ(control_group("12:cpu:/a\n0::/system.slice/apache2.service\n"),
            "/system.slice/apache2.service");
  EXPECT_EQ(control_group("0::/a:b::c"), "/a:b::c");  // no line end, and a name with colons
  EXPECT_EQ(control_group("12:cpu,cpuacct:/a\n1:name=systemd:/b\n"), std::nullopt);
  EXPECT_EQ(control_group("0::\n"), std::nullopt);
  EXPECT_EQ(control_group("10::/x\n"), std::nullopt);
  EXPECT_EQ(control_group(""), std::nullopt);
}

TEST(Processors, APartOfAProcessorIsOne) {
  EXPECT_EQ(allowed_by("200000 100000\n"), 2U);
  EXPECT_EQ(allowed_by("200001 100000\n"), 3U);
  EXPECT_EQ(allowed_by("50000 100000"), 1U);
  EXPECT_EQ(allowed_by("0 100000\n"), 1U);
}

TEST(Processors, WhatIsNoLimitLimitsNothing) {
  for (const char* text : {"max 100000\n", "", "\n", "100000", "100000 0", "100000 -1", "-1 100000",
                           "1e5 100000", "100000  100000", "1 2 3", "99999999999999999999999 1"}) {
    EXPECT_EQ(allowed_by(text), std::nullopt) << text;
  }
}

TEST(Processors, ThereIsAtLeastOneAndNoMoreThanTheMachineHas) {
  EXPECT_GE(processors(), 1U);
  EXPECT_LE(processors(), std::max(1U, std::thread::hardware_concurrency()));
}

}  // namespace
}  // namespace brine::daemon

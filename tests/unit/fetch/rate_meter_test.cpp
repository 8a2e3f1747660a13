// SPDX-License-Identifier: Apache-2.0
#include "fetch/rate_meter.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

SteadyTime at(int ms) { return SteadyTime() + Duration(ms); }

TEST(RateMeterTest, IsTheRateOfTheLastTenSeconds) {
  RateMeter meter;
  for (int i = 0; i <= 100; ++i) meter.note(at(i * 250), static_cast<std::uint64_t>(i) * 250);
  EXPECT_NEAR(meter.per_second(), 1000, 1);
  for (int i = 1; i <= 40; ++i) meter.note(at(25'000 + i * 250), 25'000);
  EXPECT_NEAR(meter.per_second(), 0, 1) << "nothing came for ten seconds";
}

TEST(RateMeterTest, TellsTheTimeThatIsLeft) {
  RateMeter meter;
  meter.note(at(0), 1'000'000);
  EXPECT_FALSE(meter.time_for(10)) << "one look tells nothing";
  meter.note(at(500), 1'000'500);
  EXPECT_FALSE(meter.time_for(10)) << "nor do two in a moment";
  meter.note(at(2000), 1'002'000);
  ASSERT_TRUE(meter.time_for(60'000));
  EXPECT_EQ(meter.time_for(60'000)->count(), 60'000);
}

TEST(RateMeterTest, WhatStandsStillIsNeverDone) {
  RateMeter meter;
  meter.note(at(0), 5);
  meter.note(at(5000), 5);
  EXPECT_FALSE(meter.time_for(1));
}

}  // namespace
}  // namespace lazymirror

// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

TEST(SizeTest, UnitsArePowersOf1024) {
  EXPECT_EQ(parse_size("0"), 0u);
  EXPECT_EQ(parse_size("512"), 512u);
  EXPECT_EQ(parse_size("512B"), 512u);
  EXPECT_EQ(parse_size("64K"), 65536u);
  EXPECT_EQ(parse_size("64k"), 65536u);
  EXPECT_EQ(parse_size("1.5MiB"), 1572864u);
  EXPECT_EQ(parse_size("10GB"), 10737418240u);
  EXPECT_EQ(parse_size("2T"), 2199023255552u);
}

TEST(SizeTest, RefusesWhatIsNoSize) {
  for (const char* text : {"", "K", "-1", "+1", "1X", "1KK", "1 K", "1e3", "nan", "inf", "0x10",
                           "1KiBs", "9999999T", " 1"}) {
    const auto size = parse_size(text);
    ASSERT_FALSE(size) << text;
    EXPECT_EQ(size.error().code, Errc::invalid);
    EXPECT_THAT(size.error().message, testing::HasSubstr("512M")) << "the accepted forms";
  }
}

TEST(SizeTest, IsShownInTheLargestUnit) {
  EXPECT_EQ(format_size(0), "0 B");
  EXPECT_EQ(format_size(1023), "1023 B");
  EXPECT_EQ(format_size(1536), "1.5 KiB");
  EXPECT_EQ(format_size(1610612736), "1.5 GiB");
}

TEST(DurationTest, BareNumbersAreSeconds) {
  EXPECT_EQ(parse_duration("30"), seconds(30));
  EXPECT_EQ(parse_duration("0"), seconds(0));
  EXPECT_EQ(parse_duration("0.5"), milliseconds(500));
}

TEST(DurationTest, UnitsAddUp) {
  EXPECT_EQ(parse_duration("250ms"), milliseconds(250));
  EXPECT_EQ(parse_duration("30s"), seconds(30));
  EXPECT_EQ(parse_duration("5min"), minutes(5));
  EXPECT_EQ(parse_duration("5m"), minutes(5));
  EXPECT_EQ(parse_duration("1h30min"), minutes(90));
  EXPECT_EQ(parse_duration("2d"), hours(48));
}

TEST(SizeTest, AShareIsASizeOrAPercentage) {
  EXPECT_EQ(parse_share("5%")->percent, 5);
  EXPECT_EQ(parse_share("0.5%")->percent, 0.5);
  EXPECT_EQ(parse_share("5%")->bytes, 0u);
  EXPECT_EQ(parse_share("10G")->bytes, 10737418240u);
  EXPECT_EQ(parse_share("10G")->percent, 0);
  for (const char* text : {"", "%", "100%", "-1%", "5 %", "5%%", "x"}) {
    EXPECT_FALSE(parse_share(text)) << text;
  }
}

TEST(DurationTest, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "5x", "5 min", "min5", "1h30", "nan", "inf", "infs",
                           "1e3", "99999999d", "5MIN"}) {
    const auto duration = parse_duration(text);
    ASSERT_FALSE(duration) << text;
    EXPECT_THAT(duration.error().message, testing::HasSubstr("30s")) << "the accepted forms";
  }
}

TEST(DurationTest, WhatIsShownCanBeRead) {
  EXPECT_EQ(format_duration(minutes(5)), "5min");
  EXPECT_EQ(format_duration(minutes(90)), "1h30min");
  EXPECT_EQ(format_duration(seconds(0)), "0s");
  for (const Duration value : {Duration(1), Duration(1500), Duration(90'061'001)}) {
    EXPECT_EQ(parse_duration(format_duration(value)), value);
  }
}

}  // namespace
}  // namespace lazymirror

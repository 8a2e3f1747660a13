// SPDX-License-Identifier: Apache-2.0
#include "base/log_limit.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

const SteadyTime kNow{std::chrono::hours(1)};

TEST(LogLimitTest, ACauseIsToldOnceAMinuteWithItsCount) {
  LogLimit limit;
  EXPECT_EQ(limit.ask("a", kNow), 0U);
  EXPECT_EQ(limit.ask("a", kNow), std::nullopt);
  EXPECT_EQ(limit.ask("a", kNow + Duration(59'999)), std::nullopt);
  EXPECT_EQ(limit.ask("b", kNow), 0U) << "another cause";
  EXPECT_EQ(limit.ask("a", kNow + LogLimit::kEvery), 2U);
  EXPECT_EQ(limit.ask("a", kNow + 2 * LogLimit::kEvery), 0U);
}

TEST(LogLimitTest, AnOriginThatIsAwayIsOneCause) {
  EXPECT_EQ(cause_of("1", {Errc::unreachable, "a", 0}), cause_of("2", {Errc::unreachable, "b", 0}));
  EXPECT_NE(cause_of("1", {Errc::unreachable, "a", 0}), cause_of("1", {Errc::timeout, "a", 0}));
  EXPECT_NE(cause_of("1", {Errc::denied, "a", 0}), cause_of("2", {Errc::denied, "a", 0}));
}

TEST(LogLimitTest, CausesWithoutNumberAreNotKeptWithoutNumber) {
  LogLimit limit;
  for (std::size_t i = 0; i < LogLimit::kMostCauses; ++i) {
    EXPECT_EQ(limit.ask(std::to_string(i), kNow), 0U);
  }
  EXPECT_EQ(limit.ask("one more", kNow), 0U);
  EXPECT_EQ(limit.ask("another", kNow), std::nullopt) << "together with the one before";
  EXPECT_EQ(limit.ask("another", kNow + LogLimit::kEvery), 0U) << "there is room again";
}

}  // namespace
}  // namespace lazymirror

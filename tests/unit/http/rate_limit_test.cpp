// SPDX-License-Identifier: Apache-2.0
#include "http/rate_limit.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart{1h};

TEST(RateLimit, NoLimitNeverWaits) {
  RateLimit limit(0);
  EXPECT_FALSE(limit.is_set());
  limit.took(1u << 30, kStart);
  EXPECT_EQ(limit.wait(kStart), 0ms);
}

TEST(RateLimit, WhatIsOverdrawnIsPaidBack) {
  RateLimit limit(1'000'000);
  limit.took(600'000, kStart);  // a tenth of a second was saved up
  EXPECT_EQ(limit.wait(kStart), 500ms);
  EXPECT_EQ(limit.wait(kStart + 400ms), 100ms);
  EXPECT_EQ(limit.wait(kStart + 500ms), 0ms);
}

TEST(RateLimit, AnIdleTimeIsNotSavedUp) {
  RateLimit limit(1'000'000);
  limit.took(1, kStart);
  limit.took(1'100'000, kStart + 1h);
  EXPECT_EQ(limit.wait(kStart + 1h), 1s);
}

// Whoever reads whenever he may, in pieces of any size, gets the rate.
TEST(RateLimit, OverTimeExactlyTheRateIsHad) {
  for (const std::size_t piece : {2'000u, 16'384u, 524'288u}) {
    RateLimit limit(2'000'000);
    SteadyTime now = kStart;
    std::uint64_t sum = 0;
    while (now < kStart + 60s) {
      now += limit.wait(now) + 1ms;
      limit.took(piece, now);
      limit.took(piece, now);
      sum += 2 * piece;
    }
    const auto passed = std::chrono::duration_cast<Duration>(now - kStart);
    EXPECT_LE(sum, 2'000u * static_cast<std::uint64_t>(passed.count()) + 200'000 + 2 * piece);
    EXPECT_GE(sum, 2'000'000u * 59) << piece;
  }
}

}  // namespace
}  // namespace lazymirror

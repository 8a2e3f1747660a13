// SPDX-License-Identifier: Apache-2.0
#include "http/retry_policy.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

const RetryPolicy kPolicy{.retries = 4, .base = Duration{500}, .max = Duration{30'000}};

TEST(RetryPolicyTest, TheDelayDoublesWithEachFailure) {
  EXPECT_EQ(retry_delay(kPolicy, 1, {}, 0), Duration{500});
  EXPECT_EQ(retry_delay(kPolicy, 2, {}, 0), Duration{1000});
  EXPECT_EQ(retry_delay(kPolicy, 4, {}, 0), Duration{4000});
}

TEST(RetryPolicyTest, JitterTakesOffUpToHalf) {
  EXPECT_EQ(retry_delay(kPolicy, 1, {}, 0.5), Duration{375});
  EXPECT_EQ(retry_delay(kPolicy, 1, {}, 0.999), Duration{251});
}

TEST(RetryPolicyTest, ItEndsAfterTheStatedNumberOfRetries) {
  EXPECT_TRUE(retry_delay(kPolicy, 4, {}, 0));
  EXPECT_FALSE(retry_delay(kPolicy, 5, {}, 0));
  EXPECT_FALSE(retry_delay({.retries = 0}, 1, seconds(1), 0));
}

TEST(RetryPolicyTest, TheDelayIsBoundedEvenAfterManyFailures) {
  const RetryPolicy many{.retries = 1'000'000, .base = Duration{500}, .max = Duration{30'000}};
  EXPECT_EQ(retry_delay(many, 999'999, {}, 0), Duration{30'000});
}

TEST(RetryPolicyTest, RetryAfterIsAMinimum) {
  EXPECT_EQ(retry_delay(kPolicy, 1, seconds(7), 0), seconds(7));
  EXPECT_EQ(retry_delay(kPolicy, 4, seconds(1), 0), seconds(4));
}

TEST(RetryPolicyTest, RetryAfterIsBelievedForFiveMinutesAtMost) {
  EXPECT_EQ(retry_delay(kPolicy, 1, hours(9000), 0), seconds(300));
}

}  // namespace
}  // namespace lazymirror

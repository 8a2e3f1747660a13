// SPDX-License-Identifier: Apache-2.0
#include "fetch/fill_plan.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using Ranges = std::vector<ByteRange>;
using Indices = std::vector<std::size_t>;
constexpr std::uint64_t kMiB = 1u << 20;

Need ranged(std::uint64_t begin, std::uint64_t end) { return {{begin, end}, {begin, end}}; }

FillPlan plan(std::vector<Need> needs, Ranges pending, bool urgent = true) {
  return plan_fill(needs, pending, 16 * kMiB, urgent);
}

TEST(FillPlan, NothingUnderWayAsksForExactlyWhatIsMissing) {
  const auto p = plan({ranged(0, 10), ranged(20, 30)}, {});
  EXPECT_EQ(p.start, (Ranges{{0, 10}, {20, 30}}));
  EXPECT_TRUE(p.depends_on.empty());
}

TEST(FillPlan, WhatIsUnderWayIsNotAskedForAgain) {
  const auto p = plan({ranged(0, 100)}, {{20, 40}, {60, 200}});
  EXPECT_EQ(p.start, (Ranges{{0, 20}, {40, 60}}));
  EXPECT_EQ(p.depends_on, (Indices{0, 1}));
}

TEST(FillPlan, FullyCoveredStartsNothing) {
  const auto p = plan({ranged(30, 40)}, {{0, 100}});
  EXPECT_TRUE(p.start.empty());
  EXPECT_EQ(p.depends_on, (Indices{0}));
}

TEST(FillPlan, WhatATransferHasPassedIsAskedForAgain) {
  const auto p = plan({ranged(0, 10)}, {{50, 100}});
  EXPECT_EQ(p.start, (Ranges{{0, 10}}));
  EXPECT_TRUE(p.depends_on.empty());
}

TEST(FillPlan, LongRunsAreCutIntoRequests) {
  const auto p = plan({ranged(0, 40 * kMiB)}, {});
  EXPECT_EQ(p.start, (Ranges{{0, 16 * kMiB}, {16 * kMiB, 32 * kMiB}, {32 * kMiB, 40 * kMiB}}));
}

TEST(FillPlan, LongRunsAreCutWhereSlicesEnd) {
  constexpr std::uint64_t kChunk = 65536;
  const auto p = plan({ranged(kChunk, 40 * kMiB)}, {});
  EXPECT_EQ(p.start, (Ranges{{kChunk, 16 * kMiB}, {16 * kMiB, 32 * kMiB}, {32 * kMiB, 40 * kMiB}}));
}

TEST(FillPlan, AWholeFileIsAskedForOnceForAllItsGaps) {
  const Need a{{0, 10}, {0, 100}}, b{{50, 60}, {0, 100}};
  const auto p = plan({a, b}, {});
  EXPECT_EQ(p.start, (Ranges{{0, 100}}));
}

TEST(FillPlan, AWholeFileUnderWayIsJoinedHoweverFarItHasToGo) {
  const Need a{{30 * kMiB, 31 * kMiB}, {0, 100 * kMiB}};
  const auto p = plan({a}, {{kMiB, 100 * kMiB}});
  EXPECT_TRUE(p.start.empty());
  EXPECT_EQ(p.depends_on, (Indices{0}));
}

TEST(FillPlan, AWaiterFarAheadOfATransferGetsItsOwn) {
  const auto p = plan({ranged(15 * kMiB, 15 * kMiB + 65536)}, {{kMiB, 16 * kMiB}});
  EXPECT_EQ(p.start, (Ranges{{15 * kMiB, 15 * kMiB + 65536}}));
}

TEST(FillPlan, AWaiterNearTheFrontWaits) {
  const auto p = plan({ranged(2 * kMiB, 3 * kMiB)}, {{kMiB, 16 * kMiB}});
  EXPECT_TRUE(p.start.empty());
}

TEST(FillPlan, AGuessFarAheadStartsNothingOfItsOwn) {
  const auto p = plan({ranged(15 * kMiB, 16 * kMiB)}, {{kMiB, 16 * kMiB}}, false);
  EXPECT_TRUE(p.start.empty());
}

TEST(FillPlan, AThirdFarWaiterJoinsTheSecondsTransfer) {
  const auto p = plan({ranged(15 * kMiB, 15 * kMiB + 65536)},
                      {{kMiB, 16 * kMiB}, {15 * kMiB, 15 * kMiB + 65536}});
  EXPECT_TRUE(p.start.empty());
}

}  // namespace
}  // namespace lazymirror

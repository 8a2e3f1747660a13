// SPDX-License-Identifier: Apache-2.0
#include "http/host_limit.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using namespace std::chrono_literals;
constexpr SteadyTime kStart{1h};

TEST(HostLimit, AHostThatNeverComplainsIsNotLimited) {
  HostLimit limit;
  for (int i = 0; i < 1'000; ++i) limit.served(8);
  EXPECT_EQ(limit.of(8), 8u);
  EXPECT_EQ(limit.of(100), 100u);
}

TEST(HostLimit, ARefusalHalvesWhatWasUnderWay) {
  HostLimit limit;
  limit.refused(60, 100, kStart);
  EXPECT_EQ(limit.of(100), 30u);
  EXPECT_EQ(limit.of(8), 8u);
}

TEST(HostLimit, AStormOfRefusalsCountsOnce) {
  HostLimit limit;
  for (int i = 0; i < 8; ++i) limit.refused(8, 8, kStart + i * 10ms);
  EXPECT_EQ(limit.of(8), 4u);
  limit.refused(4, 8, kStart + HostLimit::kOneEpisode);
  EXPECT_EQ(limit.of(8), 2u);
}

TEST(HostLimit, OneRequestIsAlwaysAllowed) {
  HostLimit limit;
  for (int i = 0; i < 20; ++i) limit.refused(1, 8, kStart + i * 10s);
  EXPECT_EQ(limit.of(8), 1u);
}

TEST(HostLimit, GoodAnswersGiveItBackOneByOne) {
  HostLimit limit;
  limit.refused(8, 8, kStart);
  limit.refused(4, 8, kStart + 2s);
  ASSERT_EQ(limit.of(8), 2u);
  unsigned answers = 0, last = 2;
  while (limit.reduced()) {
    limit.served(8);
    ASSERT_LT(++answers, 1'000u);
    ASSERT_LE(limit.of(8), last + 1);
    last = limit.of(8);
  }
  EXPECT_EQ(limit.of(8), 8u);
  EXPECT_GT(answers, 50u) << "slowly";
}

}  // namespace
}  // namespace lazymirror

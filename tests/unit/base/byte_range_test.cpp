// SPDX-License-Identifier: Apache-2.0
#include "base/byte_range.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

namespace lazymirror {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(ByteRangeTest, EndIsNotContained) {
  constexpr ByteRange range{10, 20};
  EXPECT_EQ(range.size(), 10u);
  EXPECT_TRUE(range.contains(10));
  EXPECT_TRUE(range.contains(19));
  EXPECT_FALSE(range.contains(20));
  EXPECT_FALSE(range.contains(9));
}

TEST(ByteRangeTest, ContainsOnlyWhatLiesWhollyWithin) {
  constexpr ByteRange range{10, 20};
  EXPECT_TRUE(range.contains(ByteRange{10, 20}));
  EXPECT_FALSE(range.contains(ByteRange{10, 21}));
  EXPECT_FALSE(range.contains(ByteRange{9, 20}));
  EXPECT_TRUE(range.contains(ByteRange{99, 99})) << "nothing is contained in everything";
}

TEST(ByteRangeTest, NeighboursDoNotOverlap) {
  EXPECT_FALSE((ByteRange{0, 10}.overlaps({10, 20})));
  EXPECT_FALSE((ByteRange{10, 20}.overlaps({0, 10})));
  EXPECT_TRUE((ByteRange{0, 11}.overlaps({10, 20})));
}

TEST(ByteRangeTest, IntersectionOfStrangersIsEmptyAndValid) {
  const ByteRange none = ByteRange{0, 10}.intersect({20, 30});
  EXPECT_TRUE(none.empty());
  EXPECT_LE(none.begin, none.end);
  EXPECT_EQ((ByteRange{0, 10}.intersect({5, 30})), (ByteRange{5, 10}));
}

TEST(ByteRangeTest, ClippingNeverOverflows) {
  EXPECT_EQ(clipped(5, 10, 100), (ByteRange{5, 15}));
  EXPECT_EQ(clipped(95, 10, 100), (ByteRange{95, 100}));
  EXPECT_EQ(clipped(5, kMax, 100), (ByteRange{5, 100}));
  EXPECT_EQ(clipped(kMax, kMax, 100), (ByteRange{100, 100}));
  EXPECT_EQ(clipped(kMax - 1, kMax, kMax), (ByteRange{kMax - 1, kMax}));
  EXPECT_TRUE(clipped(0, 10, 0).empty());
}

}  // namespace
}  // namespace lazymirror

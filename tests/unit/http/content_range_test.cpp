// SPDX-License-Identifier: Apache-2.0
#include "http/content_range.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

TEST(ContentRangeTest, ReadsARangeAndTheTotal) {
  const auto range = parse_content_range("bytes 5-9/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->range, (ByteRange{5, 10}));
  EXPECT_EQ(range->total, 100u);
}

TEST(ContentRangeTest, ReadsARangeOfAFileBeyondFourGigabytes) {
  const auto range = parse_content_range("bytes 5000000000-5000000001/9000000000");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->range, (ByteRange{5'000'000'000, 5'000'000'002}));
}

TEST(ContentRangeTest, ReadsAnUnknownTotalAndABareTotal) {
  EXPECT_FALSE(parse_content_range("bytes 0-0/*")->total);
  const auto bare = parse_content_range("bytes */77");
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->range);
  EXPECT_EQ(bare->total, 77u);
}

TEST(ContentRangeTest, TheUnitIsNotCaseSensitive) {
  EXPECT_TRUE(parse_content_range(" Bytes 0-0/1 "));
}

TEST(ContentRangeTest, RefusesWhatIsNotOneValidRange) {
  for (const char* text : {"",
                           "bytes",
                           "bytes ",
                           "bytes 0-9",
                           "items 0-9/10",
                           "bytes 9-0/10",
                           "bytes 0-10/10",
                           "bytes -5/10",
                           "bytes 0-/10",
                           "bytes +0-9/10",
                           "bytes 0-9/-1",
                           "bytes 0 - 9/10",
                           "bytes 0-9/10x",
                           "bytes */*",
                           "bytes 0-1,3-4/10",
                           "bytes 0x0-1/10",
                           "bytes 0-9 /10",
                           "bytes 0-9223372036854775808/*",
                           "bytes 0-1/99999999999999999999",
                           "0-9/10"}) {
    EXPECT_FALSE(parse_content_range(text)) << text;
  }
}

}  // namespace
}  // namespace lazymirror

// SPDX-License-Identifier: Apache-2.0
#include "http/header_values.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using std::chrono::seconds;

TEST(HeaderValuesTest, DecimalsAreDigitsOnlyAndBelowTwoToTheSixtyThree) {
  EXPECT_EQ(parse_decimal("0"), 0u);
  EXPECT_EQ(parse_decimal("9223372036854775807"), 9223372036854775807u);
  for (const char* text : {"", " 1", "1 ", "+1", "-1", "1e3", "9223372036854775808",
                           "18446744073709551616", "0x10", "1,1"}) {
    EXPECT_FALSE(parse_decimal(text)) << text;
  }
}

TEST(HeaderValuesTest, DatesOfAllThreeFormsAreRead) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994"), 784111777);
  EXPECT_FALSE(parse_http_date("yesterday"));
  EXPECT_FALSE(parse_http_date(""));
}

TEST(HeaderValuesTest, OnlyStrongQuotedTagsAreKept) {
  EXPECT_EQ(strong_etag("\"abc-1\""), "\"abc-1\"");
  EXPECT_EQ(strong_etag(" \"abc\" "), "\"abc\"");
  EXPECT_EQ(strong_etag("\"\""), "\"\"");
  for (const char* text : {"", "\"", "abc", "W/\"abc\"", "w/\"abc\"", "\"a\"b\"", "\"a b\"",
                           "\"abc", "\"a\x7f\"", "\"a\r\nX: y\""}) {
    EXPECT_EQ(strong_etag(text), "") << text;
  }
}

TEST(HeaderValuesTest, MaxAgeDecidesBeforeExpires) {
  EXPECT_EQ(freshness("public, max-age=60", 1000, 0), seconds(60));
  EXPECT_EQ(freshness("MAX-AGE=\"7\"", {}, {}), seconds(7));
  EXPECT_EQ(freshness("", 1000, 400), seconds(600));
  EXPECT_EQ(freshness("", 400, 1000), seconds(0));
}

TEST(HeaderValuesTest, NoCacheMeansAtOnce) {
  EXPECT_EQ(freshness("max-age=60, no-cache", {}, {}), seconds(0));
  EXPECT_EQ(freshness("no-store", {}, {}), seconds(0));
}

TEST(HeaderValuesTest, NothingIsStatedWhereNothingParses) {
  EXPECT_FALSE(freshness("", {}, {}));
  EXPECT_FALSE(freshness("", 1000, {}));
  EXPECT_FALSE(freshness("max-age=-1, max-age=, s-maxage=4, ,", {}, {}));
}

TEST(HeaderValuesTest, AnAbsurdAgeIsCutToAYear) {
  EXPECT_EQ(freshness("max-age=9223372036854775807", {}, {}), std::chrono::hours(24 * 365));
}

TEST(HeaderValuesTest, IdentityIsTheAbsenceOfACoding) {
  EXPECT_TRUE(is_identity(""));
  EXPECT_TRUE(is_identity("Identity"));
  EXPECT_FALSE(is_identity("gzip"));
  EXPECT_FALSE(is_identity("identity, gzip"));
}

}  // namespace
}  // namespace lazymirror

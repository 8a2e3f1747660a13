// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "fixtures.h"
#include "listing/libxml2_version.h"
#include "listing/size_text.h"
#include "listing/time_text.h"

namespace lazymirror {
namespace {

struct SizeCase {
  std::string text;
  SizeForm form;
  std::uint64_t value = 0;
};

TEST(SizeText, IsReadByItsForm) {
  const std::vector<SizeCase> cases{
      {"0", SizeForm::digits, 0},
      {" 5368709121 ", SizeForm::digits, 5368709121},
      {"9223372036854775807", SizeForm::digits, 9223372036854775807u},
      {"9223372036854775808", SizeForm::none},
      {"99999999999999999999999", SizeForm::none},
      {"1,258,291 bytes", SizeForm::bytes, 1258291},
      {"6 bytes", SizeForm::bytes, 6},
      {"1,25 bytes", SizeForm::none},
      {"1,2583 bytes", SizeForm::none},
      {"1000,258 bytes", SizeForm::none},
      {",1 bytes", SizeForm::none},
      {"6B", SizeForm::unit_b, 6},
      {"23  B", SizeForm::unit_b, 23},
      {"1.5 B", SizeForm::none},
      {"1.2M", SizeForm::rounded},
      {"10K", SizeForm::rounded},
      {"1228 kB", SizeForm::rounded},
      {"1.2 MiB", SizeForm::rounded},
      {"1.0G", SizeForm::rounded},
      {"0.1 KiB", SizeForm::rounded},
      {"-", SizeForm::none},
      {"", SizeForm::none},
      {"-1", SizeForm::none},
      {"12 apples", SizeForm::none},
      {"1 2", SizeForm::none},
      {"0x10", SizeForm::none},
      {"1e3", SizeForm::none},
  };
  for (const SizeCase& c : cases) {
    const SizeText size = parse_size_text(c.text);
    EXPECT_EQ(size.form, c.form) << c.text;
    if (c.form != SizeForm::rounded && c.form != SizeForm::none) {
      EXPECT_EQ(size.value, c.value);
    }
  }
  EXPECT_EQ(parse_size_attribute("12").value, 12u);
  EXPECT_EQ(parse_size_attribute("-1").form, SizeForm::none);
}

constexpr std::int64_t kMinute = 1709251140;  // 2024-02-29 23:59:00 UTC
constexpr std::int64_t kSecond = 1709251198;  // ... 23:59:58

struct TimeCase {
  std::string text;
  std::int64_t unix_s;
  std::int32_t resolution_s;
  bool zone_known;
  std::int64_t ns = 0;
};

TEST(TimeText, IsReadInEveryShapeThatServersPrint) {
  const std::vector<TimeCase> cases{
      {"29-Feb-2024 23:59", kMinute, 60, false},
      {"2024-Feb-29 23:59", kMinute, 60, false},
      {"2024-Feb-29 23:59:58", kSecond, 1, false},
      {"2024-02-29 23:59", kMinute, 60, false},
      {"2024/02/29 23:59", kMinute, 60, false},
      {"29Feb2024 23:59", kMinute, 60, false},
      {"Thu, 29 Feb 2024 23:59:58 GMT", kSecond, 1, true},
      {"2024-02-29T23:59:58Z", kSecond, 1, true},
      {"2024-02-29T23:59:58.123456789Z", kSecond, 1, true, 123456789},
      {"2024-03-01T00:59:58.5+01:00", kSecond, 1, true, 500000000},
      {"2024-02-29T18:59:58-05:00", kSecond, 1, true},
      {"2024-02-29 23:59:58.123456789 +0000 UTC", kSecond, 1, true, 123456789},
      {"Feb 29, 2024, 11:59:58 PM", kSecond, 1, false},
      {"Feb 29, 2024, 12:00:00 AM", 1709164800, 1, false},
      {"Feb 29  2024", 1709164800, 86400, false},
      {"31-Dec-1969 23:59", -60, 60, false},
      {"01-Jan-2100 00:00", 4102444800, 60, false},
  };
  for (const TimeCase& c : cases) {
    const auto time = parse_time_text(c.text);
    ASSERT_TRUE(time) << c.text;
    EXPECT_EQ(time->time.unix_ns, c.unix_s * 1'000'000'000 + c.ns) << c.text;
    EXPECT_EQ(time->time.resolution_s, c.resolution_s) << c.text;
    EXPECT_EQ(time->time.zone_known, c.zone_known) << c.text;
    EXPECT_EQ(parse_time_text(c.text + "   123")->length, time->length) << c.text;
  }
}

TEST(TimeText, IsNotGuessed) {
  for (const std::string text :
       {"", "-", "2/29/2024 11:59:58 PM", "30-Feb-2024 23:59", "29-Feb-2024 24:00",
        "29-Feb-2024 23:5", "29-Feb-2024 23:599", "29-Fab-2024 23:59", "2024-13-01 00:00",
        "Feb 29, 2024, 13:59:58 PM", "9999-01-01 00:00", "0001-01-01T00:00:00Z", "29-Feb-20",
        "2024-02-29T23:59:58+99:00", "2024-02-29T23:59:58.", "x29-Feb-2024 23:59"}) {
    EXPECT_FALSE(parse_time_text(text)) << text;
  }
}

// One page of one server with one row, and what becomes of its figures.
Listing one_row(const std::string& page) {
  const Url base = fixtures::url("http://h/d/");
  return parse_listing({page, "text/html", base}).value();
}

TEST(ListedSize, OfNginxIsDroppedOnceAnySizeOfThePageIsRounded) {
  std::string page = fixtures::nginx_page({"a", "b"});
  EXPECT_EQ(one_row(page).entries[1].size, 15u);
  page.replace(page.find("15\n"), 3, "1M\n");
  for (const ListedEntry& entry : one_row(page).entries) EXPECT_FALSE(entry.size);
}

TEST(ListedSize, IsNotReadFromTheNameOfAFile) {
  const std::string page =
      "<html><title>Index of /d/</title><body><h1>Index of /d/</h1><hr><pre><a "
      "href=\"../\">../</a>\n"
      "<a href=\"a\">29-Feb-2024 23:59   77</a>   29-Feb-2024 23:59   15\n"
      "<a href=\"b\">29-Feb-2024 23:59   77</a>\n"
      "29-Feb-2024 23:59   99\n</pre><hr></body></html>";
  const Listing listing = one_row(page);
  ASSERT_EQ(listing.entries.size(), 2u);
  EXPECT_EQ(listing.entries[0].size, 15u);
  EXPECT_FALSE(listing.entries[1].size) << "taken from the next line";
  EXPECT_FALSE(listing.entries[1].mtime);
}

TEST(ListedSize, IsNotBelievedOnAPageOfAnUnknownServer) {
  const Listing listing = one_row(
      "<title>Index of /d/</title><table><tr><td><a href=\"a\">a</a></td>"
      "<td class=\"size\">15</td></tr></table>");
  ASSERT_EQ(listing.entries.size(), 1u);
  EXPECT_FALSE(listing.entries[0].size);
  EXPECT_EQ(listing.entries[0].kind, EntryKind::unknown);
}

TEST(ListedSize, IsNotSharedByTwoLinksInOneRow) {
  const Listing listing = one_row(
      "<title>Index of /d/</title><h1>Index of /d/</h1><table id=\"list\"><tr>"
      "<td><a href=\"a\">a</a> <a href=\"b\">b</a></td><td class=\"size\">15</td></tr></table>");
  ASSERT_EQ(listing.entries.size(), 2u);
  EXPECT_FALSE(listing.entries[0].size);
  EXPECT_FALSE(listing.entries[1].size);
}

TEST(Libxml2Version, IsThatOfTheLibraryInUse) {
  EXPECT_TRUE(libxml2_version_text().starts_with("2.")) << libxml2_version_text();
}

}  // namespace
}  // namespace lazymirror

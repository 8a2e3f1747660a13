// SPDX-License-Identifier: Apache-2.0
#include "cli/status_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/report_message.h"

namespace lazymirror::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kNow = 1'000'000;

TEST(StatusPageTest, ShowsTransfersAndErrors) {
  EngineReport report;
  report.origin.answered_ns = (kNow - 5) * 1'000'000'000;
  report.origin.transfers = {{.path = "a/b",
                              .begin = 0,
                              .end = 100,
                              .received = 50,
                              .per_second = 1024,
                              .elapsed = Duration(1'000)}};
  report.origin.errors = {{(kNow - 9) * 1'000'000'000, "the origin answered 503"}};
  report.hits = 3;
  report.misses = 1;
  const std::string page = status_page(report_message(report), kNow);
  EXPECT_THAT(page, AllOf(HasSubstr("online"), HasSubstr("last answer 5s ago"),
                          HasSubstr("75 % from the cache"), HasSubstr("50 % of 100 B"),
                          HasSubstr("/a/b"), HasSubstr("9s ago  the origin answered 503")));
}

TEST(StatusPageTest, SaysWhoIsAway) {
  EngineReport report;
  report.origin.consecutive_failures = 2;
  EXPECT_THAT(status_page(report_message(report), kNow), HasSubstr("unreachable, 2 requests"));
  report.origin.offline = true;
  EXPECT_THAT(status_page(report_message(report), kNow), HasSubstr("offline"));
}

TEST(NameLineTest, NeverSaysAllOfWhatIsNot) {
  NameStatus name;
  name.name = "f";
  name.kind = EntryKind::file;
  name.state = "partial";
  name.size = 1'000;
  name.cached_bytes = 999;
  EXPECT_THAT(name_line(name_message(name)), HasSubstr("partial 99 %"));
  name.stale = true;
  EXPECT_THAT(name_line(name_message(name)), HasSubstr(", stale"));
}

TEST(NameLineTest, SendsNoControlBytesToTheTerminal) {
  NameStatus name;
  name.name = "a\x1b[2Jb\n";
  name.kind = EntryKind::file;
  EXPECT_THAT(name_line(name_message(name)), AllOf(HasSubstr("a?[2Jb?"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace lazymirror::cli

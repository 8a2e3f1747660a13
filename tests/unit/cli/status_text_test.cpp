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

TEST(StatusPageTest, ShowsRunningJobs) {
  EngineReport report;
  EXPECT_THAT(status_page(report_message(report), kNow), Not(HasSubstr("jobs")));
  Jobs::Running job{.id = 7, .request = {JobKind::fetch, {"a b", ""}, true}, .progress = {}};
  for (int i = 0; i < 10; ++i) job.request.paths.push_back("more");
  job.progress.phase = JobProgress::Phase::fetching;
  job.progress.bytes = 4096;
  job.progress.bytes_done = 1024;
  job.progress.per_second = 1024;
  report.jobs = {job};
  const std::string page = status_page(report_message(report), kNow);
  EXPECT_THAT(page, AllOf(HasSubstr("fetch -r /a b, /, "), HasSubstr("and 4 more\n"),
                          HasSubstr("fetching  25 % ["), HasSubstr("1.0 KiB of 4.0 KiB")));
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

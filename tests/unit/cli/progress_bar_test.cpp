// SPDX-License-Identifier: Apache-2.0
#include "cli/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Phase = JobProgress::Phase;

constexpr std::uint64_t kMiB = 1 << 20;

JobProgress half() {
  JobProgress progress;
  progress.phase = Phase::fetching;
  progress.files = 4;
  progress.bytes = 200 * kMiB;
  progress.bytes_done = 100 * kMiB;
  progress.per_second = 10 * kMiB;
  progress.left = Duration(10'400);
  return progress;
}

TEST(ProgressLineTest, ShowsShareRateAndTimeLeft) {
  EXPECT_EQ(progress_line(half(), 80),
            "fetching  50 % [========>        ] 100.0 MiB of 200.0 MiB  10.0 MiB/s  10s left");
}

TEST(ProgressLineTest, FitsEveryTerminal) {
  for (std::size_t columns = 0; columns < 300; ++columns) {
    const std::string line = progress_line(half(), columns);
    EXPECT_LT(line.size(), std::max<std::size_t>(columns, 2)) << columns;
    EXPECT_EQ(line.find('[') == line.npos, line.find(']') == line.npos) << line;
  }
}

TEST(ProgressLineTest, LeavesTheBarOutWhereThereIsNoRoom) {
  EXPECT_EQ(progress_line(half(), 70),
            "fetching  50 % 100.0 MiB of 200.0 MiB  10.0 MiB/s  10s left");
}

TEST(ProgressLineTest, NeverSaysAllOfWhatIsNot) {
  JobProgress progress = half();
  progress.bytes_done = progress.bytes - 1;
  EXPECT_THAT(progress_line(progress, 100), AllOf(HasSubstr(" 99 % "), HasSubstr(">]")));
  progress.bytes_done = progress.bytes;
  EXPECT_THAT(progress_line(progress, 100), AllOf(HasSubstr("100 % "), HasSubstr("==]")));
  progress.bytes = progress.bytes_done = 0;
  EXPECT_THAT(progress_line(progress, 100), HasSubstr("100 % "));
}

TEST(ProgressLineTest, SaysNothingOfATimeThatIsNotKnown) {
  JobProgress progress = half();
  progress.left.reset();
  progress.per_second = 0;
  progress.failed = 2;
  EXPECT_THAT(progress_line(progress, 100), AllOf(Not(HasSubstr("left")), Not(HasSubstr("/s")),
                                                  HasSubstr("200.0 MiB  2 failed")));
}

TEST(ProgressLineTest, LongTimesAreRounded) {
  JobProgress progress = half();
  progress.left = std::chrono::seconds(3'725);
  EXPECT_THAT(progress_line(progress, 100), HasSubstr("1h2min left"));
  progress.left = Duration(0);
  EXPECT_THAT(progress_line(progress, 100), HasSubstr("  0s left"));
}

TEST(ProgressLineTest, CountsWhileItLists) {
  JobProgress progress;
  progress.directories = 1;
  progress.files = 3;
  progress.bytes = kMiB;
  progress.per_second = 8;
  EXPECT_EQ(progress_line(progress, 80), "listing   1 directory, 3 files, 1.0 MiB  8/s");
}

TEST(JobSummaryTest, TellsWhatWasHereAndWhatFailed) {
  JobProgress progress = half();
  progress.files_done = 1;
  progress.bytes_present = 40 * kMiB;
  progress.failed = 3;
  EXPECT_EQ(job_summary(JobKind::fetch, progress),
            "fetched 1 file, 60.0 MiB; 40.0 MiB were here already; 3 failed");
  progress.bytes_present = progress.bytes_done;
  EXPECT_EQ(job_summary(JobKind::pin, progress),
            "pinned 1 file, 100.0 MiB, all here already; 3 failed");
  progress.failed = 0;
  progress.found = 1;
  progress.compared = 1;
  EXPECT_EQ(job_summary(JobKind::verify, progress),
            "verified 1 file, 100.0 MiB; 1 file by published checksums; 1 not as they should be");
  progress.found = 0;
  progress.directories = 2;
  EXPECT_EQ(job_summary(JobKind::refresh, progress),
            "refreshed 2 directories with 4 files, 200.0 MiB");
  EXPECT_EQ(job_summary(JobKind::metadata, progress),
            "listed 2 directories with 4 files, 200.0 MiB");
}

}  // namespace
}  // namespace lazymirror::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "base/file_io.h"
#include "cli/metrics_file.h"
#include "support/temp_dir.h"
#include "support/waiting.h"

namespace lazymirror::cli {
namespace {

using ::testing::HasSubstr;

TEST(MetricsTest, EachIsInTheManualAndNothingElseIs) {
  const auto manual = read_file(std::string(LAZYMIRROR_SOURCE_DIR) + "/docs/metrics.md");
  ASSERT_TRUE(manual);
  std::set<std::string> told, known;
  const std::regex name("`(lazymirror_[a-z_]+)`");
  for (std::sregex_iterator it(manual->begin(), manual->end(), name), end; it != end; ++it) {
    told.insert((*it)[1]);
  }
  for (const MetricSpec& metric : metric_table()) known.emplace(metric.name);
  EXPECT_EQ(told, known);
}

TEST(MetricsTest, HaveTypeHelpAndTheUrl) {
  EngineReport report;
  report.entries = 3;
  report.hits = 7;
  const std::string text = metrics_text(report, "http://h/\"a\"");
  EXPECT_THAT(text, HasSubstr("# TYPE lazymirror_entries gauge\n"
                              "lazymirror_entries{url=\"http://h/\\\"a\\\"\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("# TYPE lazymirror_reads_total counter\n"));
  EXPECT_THAT(text, HasSubstr(",result=\"hit\"} 7\n"));
}

TEST(MetricsFileTest, IsReplacedAsAWhole) {
  const testing::TempDir directory;
  const std::string path = directory.path() + "/metrics";
  ASSERT_TRUE(replace_file(path, "a long text that was there before\n"));
  ASSERT_TRUE(replace_file(path, "new\n"));
  EXPECT_EQ(*read_file(path), "new\n");
  EXPECT_FALSE(replace_file(directory.path() + "/no/metrics", "x"));
}

TEST(MetricsFileTest, IsWrittenByAnotherProcess) {
  const testing::TempDir directory;
  const std::string path = directory.path() + "/metrics";
  const auto scribe = Scribe::start(path);
  ASSERT_TRUE(scribe);
  Scribe::send(scribe->fd(), "said\n");
  EXPECT_TRUE(testing::eventually([&] {
    const auto text = read_file(path);
    return text && *text == "said\n";
  }));
}

}  // namespace
}  // namespace lazymirror::cli

// SPDX-License-Identifier: Apache-2.0
#include "cli/job_message.h"

#include <gtest/gtest.h>

namespace lazymirror::cli {
namespace {

using control::List;
using control::Message;

// As it comes out of the socket.
Message sent(const Message& message) {
  const std::string line = control::write_message(message);
  return control::parse_message(std::string_view(line).substr(0, line.size() - 1)).value();
}

TEST(JobMessageTest, ARequestComesBackAsItWas) {
  for (const JobKind kind :
       {JobKind::fetch, JobKind::metadata, JobKind::refresh, JobKind::verify}) {
    const auto job = job_of(sent(job_message({kind, {"", "a b/\xff%"}, true})));
    ASSERT_TRUE(job) << job.error().message;
    EXPECT_EQ(job->kind, kind);
    EXPECT_EQ(job->paths, (std::vector<std::string>{"", "a b/\xff%"}));
    EXPECT_TRUE(job->recursive);
  }
}

TEST(JobMessageTest, APinIsOfAllBelow) {
  const auto job = job_of(sent(job_message({JobKind::pin, {"a"}, false})));
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->kind, JobKind::pin);
  EXPECT_TRUE(job->recursive);
}

TEST(JobMessageTest, WhatIsNoRequestIsRefused) {
  const Message good = job_message({JobKind::fetch, {"a"}, false});
  const std::vector<std::pair<std::string, control::Value>> changes = {
      {"command", "ls"},           {"recursive", "yes"}, {"metadata", 1},
      {"paths", List{}},           {"paths", "a"},       {"paths", List{true}},
      {"paths", List{"%zz", "b"}},
  };
  for (const auto& [key, value] : changes) {
    Message bad = good;
    bad.insert_or_assign(key, value);
    const auto job = job_of(bad);
    ASSERT_FALSE(job) << control::write_message(bad);
    EXPECT_EQ(job.error().code, Errc::invalid);
  }
}

TEST(JobMessageTest, ProgressComesBackAsItWas) {
  JobProgress before;
  before.phase = JobProgress::Phase::checking;
  before.directories = 1;
  before.files = 2;
  before.bytes = 3;
  before.files_done = 4;
  before.bytes_done = 5;
  before.bytes_present = 6;
  before.failed = 7;
  before.found = 8;
  before.compared = 9;
  before.per_second = 10;
  before.left = Duration(11'900);
  const JobProgress after = progress_of(sent(progress_message(before)));
  EXPECT_EQ(after.phase, before.phase);
  EXPECT_EQ(after.directories, 1u);
  EXPECT_EQ(after.files, 2u);
  EXPECT_EQ(after.bytes, 3u);
  EXPECT_EQ(after.files_done, 4u);
  EXPECT_EQ(after.bytes_done, 5u);
  EXPECT_EQ(after.bytes_present, 6u);
  EXPECT_EQ(after.failed, 7u);
  EXPECT_EQ(after.found, 8u);
  EXPECT_EQ(after.compared, 9u);
  EXPECT_EQ(after.per_second, 10u);
  EXPECT_EQ(after.left, Duration(11'000));
}

TEST(JobMessageTest, ARunningJobIsToldWithItsFirstPaths) {
  Jobs::Running job{.id = 3, .request = {JobKind::verify, {}, false}, .progress = {}};
  for (int i = 0; i < 1'000; ++i) job.request.paths.push_back(std::to_string(i));
  job.progress.files_done = 5;
  const Message told = sent(running_message(job));
  EXPECT_EQ(control::text_of(told, "job").value(), "verify");
  EXPECT_EQ(control::number_of(told, "id").value(), 3);
  EXPECT_EQ(control::number_of(told, "paths_in_all").value(), 1'000);
  EXPECT_EQ(control::list_of(told, "paths")->size(), 8u);
  EXPECT_EQ(progress_of(told).files_done, 5u);
}

TEST(JobMessageTest, AFindingIsToldFromProgress) {
  const Message finding =
      sent(finding_message({JobFinding::Kind::mismatch, "a b", {Errc::corrupt, "it differs", 0}}));
  EXPECT_EQ(control::text_of(finding, "finding").value(), "mismatch");
  EXPECT_EQ(control::text_of(finding, "path").value(), "a%20b");
  EXPECT_EQ(control::text_of(finding, "error").value(), "it differs");
  EXPECT_FALSE(progress_message({}).contains("finding"));
}

}  // namespace
}  // namespace lazymirror::cli

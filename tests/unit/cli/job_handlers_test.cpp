// SPDX-License-Identifier: Apache-2.0
#include "cli/job_handlers.h"

#include <gtest/gtest.h>

#include "cli/job_message.h"

namespace lazymirror::cli {
namespace {

using control::Message;

// One job, which ends when the test says so, or when it is cancelled.
class FakeJobs final : public Jobs {
 public:
  std::function<void(JobObserver&)> on_start = [](JobObserver&) {};

  JobId start(JobRequest request, std::shared_ptr<JobObserver> observer) override {
    asked = std::move(request);
    observer_ = std::move(observer);
    on_start(*observer_);
    return 7;
  }
  void cancel(JobId id) override {
    cancelled = id;
    observer_->on_end(fail(Errc::cancelled, "the job was cancelled"), {});
  }
  [[nodiscard]] std::vector<Running> running() const override { return {}; }

  JobRequest asked;
  JobId cancelled = 0;

 private:
  std::shared_ptr<JobObserver> observer_;
};

class FakeAsker final : public control::Asker {
 public:
  bool tell(const Message& what) override {
    told.push_back(what);
    return !deaf;
  }
  bool wait_for_room() override { return true; }
  [[nodiscard]] bool has_gone() const override { return false; }
  [[nodiscard]] std::shared_ptr<void> when_gone(UniqueFunction<void()> leave) override {
    if (gone) leave();
    return nullptr;
  }

  bool deaf = false, gone = false;
  std::vector<Message> told;
};

class JobHandlersTest : public ::testing::Test {
 protected:
  JobHandlersTest() { add_job_handlers(jobs, handlers); }
  Result<Message> ask(const Message& request) {
    return handlers.at(*control::text_of(request, "command"))(request, asker);
  }

  FakeJobs jobs;
  FakeAsker asker;
  control::Handlers handlers;
};

TEST_F(JobHandlersTest, TellWhatTheJobTells) {
  jobs.on_start = [](JobObserver& job) {
    JobProgress progress;
    progress.files_done = 3;
    job.on_progress(progress);
    job.on_finding({JobFinding::Kind::failed, "a", {Errc::io, "no", 0}});
    progress.files_done = 4;
    job.on_end({}, progress);
  };
  const auto answer = ask(job_message({JobKind::refresh, {"x", "y"}, true}));
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(control::flag_of(*answer, "ok", false), true);
  EXPECT_EQ(progress_of(*answer).files_done, 4u);
  ASSERT_EQ(asker.told.size(), 2u);
  EXPECT_EQ(progress_of(asker.told[0]).files_done, 3u);
  EXPECT_TRUE(asker.told[1].contains("finding"));
  EXPECT_EQ(jobs.asked.kind, JobKind::refresh);
  EXPECT_EQ(jobs.asked.paths, (std::vector<std::string>{"x", "y"}));
  EXPECT_TRUE(jobs.asked.recursive);
  EXPECT_EQ(jobs.cancelled, 0u);
}

TEST_F(JobHandlersTest, EndTheJobOfAnAskerWhoHasGone) {
  asker.gone = true;
  const auto answer = ask(job_message({JobKind::fetch, {""}, true}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::cancelled);
  EXPECT_EQ(jobs.cancelled, 7u);
}

TEST_F(JobHandlersTest, EndTheJobOfAnAskerWhoDoesNotRead) {
  asker.deaf = true;
  jobs.on_start = [](JobObserver& job) { job.on_progress({}); };
  EXPECT_FALSE(ask(job_message({JobKind::verify, {""}, true})));
  EXPECT_EQ(jobs.cancelled, 7u);
}

TEST_F(JobHandlersTest, AJobThatCannotGoOnIsAnError) {
  jobs.on_start = [](JobObserver& job) { job.on_end(fail(Errc::no_space, "it is full"), {}); };
  const auto answer = ask(job_message({JobKind::fetch, {""}, false}));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::no_space);
}

TEST_F(JobHandlersTest, WhatIsNoRequestStartsNothing) {
  EXPECT_FALSE(ask({{"command", "fetch"}}));
  EXPECT_TRUE(jobs.asked.paths.empty());
}

}  // namespace
}  // namespace lazymirror::cli

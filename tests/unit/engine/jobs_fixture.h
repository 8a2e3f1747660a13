// SPDX-License-Identifier: Apache-2.0
//
// A job of an engine, and what it says.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine_fixture.h"

namespace lazymirror::testing {

// What a job said.
class Watcher final : public JobObserver {
 public:
  void on_progress(const JobProgress& progress) override {
    const std::lock_guard lock(mutex_);
    last_ = progress;
    ++looks_;
    moved_.notify_all();
  }
  void on_finding(const JobFinding& finding) override {
    const std::lock_guard lock(mutex_);
    findings_.push_back(std::string(finding_name(finding.kind)) + ' ' + finding.path);
  }
  void on_end(const Result<>& result, const JobProgress& progress) override {
    const std::lock_guard lock(mutex_);
    last_ = progress;
    EXPECT_FALSE(result_) << "it ends once";
    result_ = result;
    moved_.notify_all();
  }

  bool wait_for_end() {
    std::unique_lock lock(mutex_);
    return moved_.wait_for(lock, std::chrono::seconds(60), [&] { return result_.has_value(); });
  }
  bool wait_for_looks(int count) {
    std::unique_lock lock(mutex_);
    return moved_.wait_for(lock, std::chrono::seconds(60), [&] { return looks_ >= count; });
  }
  // "failed a/b", sorted.
  std::vector<std::string> findings() {
    const std::lock_guard lock(mutex_);
    auto sorted = findings_;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }
  JobProgress last() {
    const std::lock_guard lock(mutex_);
    return last_;
  }
  std::optional<Result<>> result() {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable moved_;
  std::vector<std::string> findings_;
  JobProgress last_;
  std::optional<Result<>> result_;
  int looks_ = 0;
};

class JobsTest : public EngineTest {
 protected:
  static constexpr std::uint64_t kSize = 10'000;

  JobId begin(JobKind kind, const std::vector<std::string>& paths = {""}, bool recursive = true);
  // True when it ended without an error; its findings are another matter.
  [[nodiscard]] ::testing::AssertionResult run(JobKind kind,
                                               const std::vector<std::string>& paths = {""},
                                               bool recursive = true);
  // The error with which it ends.
  [[nodiscard]] Error error_of(JobKind kind, const std::vector<std::string>& paths = {""});
  [[nodiscard]] ::testing::AssertionResult is_complete(const std::string& path,
                                                       std::uint64_t size = kSize,
                                                       std::uint64_t version = 1);
  void flip(const std::string& path, std::uint64_t offset) const;
  [[nodiscard]] static std::string sha256_of(const std::string& path, std::uint64_t size,
                                             std::uint64_t version = 1);
  // /a, /d/b, /d/e/c of 5 MiB, /d/e/empty
  void make_tree();

  std::shared_ptr<Watcher> watcher;
};

}  // namespace lazymirror::testing

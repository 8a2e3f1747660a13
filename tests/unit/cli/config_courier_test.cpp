// SPDX-License-Identifier: Apache-2.0
#include "cli/config_courier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <vector>

#include "support/temp_dir.h"

namespace lazymirror::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ConfigCourierTest : public ::testing::Test {
 protected:
  Result<> send(const std::string& path) {
    return courier_.send([&path] { return path; });
  }
  // The next that arrives; errors with "!" before them.
  std::string next() {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(30), [&] { return !arrived_.empty(); })) {
      return "nothing came";
    }
    std::string first = arrived_.front();
    arrived_.erase(arrived_.begin());
    return first;
  }
  void receive() {
    receiver_ = std::make_unique<ConfigReceiver>(
        courier_.workers_end(), [this](const Result<std::string>& text) {
          const std::lock_guard lock(mutex_);
          arrived_.push_back(text ? *text : "!" + text.error().message);
          changed_.notify_all();
        });
  }

  testing::TempDir work_;
  ConfigCourier courier_ = *ConfigCourier::make();
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> arrived_;
  std::unique_ptr<ConfigReceiver> receiver_;
};

TEST_F(ConfigCourierTest, BringsTheTextOrWhyThereIsNone) {
  receive();
  work_.write("config", "ttl = 1h\n");
  ASSERT_TRUE(send(work_ / "config"));
  EXPECT_THAT(next(), StartsWith("ttl = 1h\n"));
  ASSERT_TRUE(send(work_ / "missing"));
  EXPECT_THAT(next(), AllOf(StartsWith("!"), HasSubstr("missing")));
  work_.write("long", std::string(100'000, '#'));
  ASSERT_TRUE(send(work_ / "long"));
  EXPECT_THAT(next(), StartsWith("!"));
}

TEST_F(ConfigCourierTest, NoFileIsAnEmptyOne) {
  receive();
  ASSERT_TRUE(send(""));
  EXPECT_EQ(next(), "\n");
}

TEST_F(ConfigCourierTest, WhatComesWhileNobodyReceivesWaits) {
  receive();
  receiver_.reset();
  work_.write("config", "offline = true\n");
  ASSERT_TRUE(send(work_ / "config"));
  receive();
  EXPECT_THAT(next(), StartsWith("offline"));
}

}  // namespace
}  // namespace lazymirror::cli

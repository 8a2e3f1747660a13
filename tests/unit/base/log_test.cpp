// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

namespace lazymirror {
namespace {

class LogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_));
    logger->set_pattern("%l: %v");
    before_ = spdlog::default_logger();
    spdlog::set_default_logger(std::move(logger));
  }
  void TearDown() override { spdlog::set_default_logger(before_); }

  std::ostringstream lines_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_F(LogTest, LinesHaveTheirLevelAndTheirValues) {
  spdlog::set_level(spdlog::level::debug);
  const std::string name = "a file";
  log::debug("cache: {} has {} chunks", name, 3);
  log::info("cache: {:>4}", "x");
  log::warn("cache: {}", std::string("of a temporary"));
  log::error("no values");
  EXPECT_EQ(lines_.str(),
            "debug: cache: a file has 3 chunks\ninfo: cache:    x\n"
            "warning: cache: of a temporary\nerror: no values\n");
}

TEST_F(LogTest, WhatStandsInAValueIsNoFormat) {
  const std::string hostile = "{} {0} %s";
  log::warn("listing: {}", hostile);
  EXPECT_EQ(lines_.str(), "warning: listing: {} {0} %s\n");
}

TEST_F(LogTest, WhatIsBelowTheLevelIsNotTold) {
  spdlog::set_level(spdlog::level::warn);
  log::debug("one");
  log::info("two");
  log::warn("three");
  log::error("four");
  EXPECT_EQ(lines_.str(), "warning: three\nerror: four\n");
}

}  // namespace
}  // namespace lazymirror

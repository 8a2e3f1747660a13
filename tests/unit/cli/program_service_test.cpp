// SPDX-License-Identifier: Apache-2.0
//
// The program as a service: one config file says everything, and the service
// manager is told, in both modes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

#include "support/child_process.h"
#include "support/daemon.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/truth.h"
#include "unit/cli/notify_socket.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::uint64_t kSize = 100'000;

class ProgramServiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const bool is_private = enter_private_mounts();
    LM_REQUIRE(is_private && SmallFs::available(), "needs CAP_SYS_ADMIN");
    LM_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse cannot be opened");
    disk_ = std::make_unique<SmallFs>(SmallFs::Kind::ext4, 64 << 20);
    origin_.put("/file", {.size = kSize});
  }
  ~ProgramServiceTest() override { unmount_below(work_.path()); }

  // As the unit has it: ExecStart=lazymirror --foreground --config FILE.
  std::unique_ptr<ChildProcess> start(const std::string& config) {
    const std::string file = work_ / "tree.conf";
    std::ofstream(file) << "url = " << origin_.url() << "\n" << config;
    ChildOptions options;
    options.argv = {lazymirror_binary(), "--foreground", "--config", file};
    options.log_file = work_ / "log";
    options.environment = {"NOTIFY_SOCKET=" + manager_.path(), "WATCHDOG_USEC=300000"};
    return std::make_unique<ChildProcess>(options);
  }

  // From READY to the end, the tree being at `place`.
  void expect_a_life(ChildProcess& service, const std::string& place) {
    ASSERT_THAT(manager_.receive(), StartsWith("READY=1\nSTATUS=http://")) << service.log();
    EXPECT_TRUE(file_is(place + "/file", "/file", 1, kSize));
    for (int i = 0; i < 2; ++i) EXPECT_EQ(manager_.receive(), "WATCHDOG=1");
    service.signal(SIGTERM);
    EXPECT_EQ(manager_.receive_but("WATCHDOG=1"), "STOPPING=1");
    EXPECT_EQ(service.wait(std::chrono::seconds(30)), 0) << service.log();
    EXPECT_FALSE(mount_at(place));
  }

  TempDir work_;
  OracleOrigin origin_;
  NotifySocket manager_;
  std::unique_ptr<SmallFs> disk_;
};

TEST_F(ProgramServiceTest, AMountTellsOfItsLife) {
  const std::string place = work_.make_dir("mnt");
  const auto service =
      start("directory = " + place + "\ncache-location = " + work_ / "cache" + "\n");
  expect_a_life(*service, place);
}

TEST_F(ProgramServiceTest, AWatchTellsOfItsLife) {
  const std::string cache = disk_->path() + "/cache";
  const std::string place = work_.make_dir("mnt");
  const auto service =
      start("mode = watch\ndirectory = " + place + "\ncache-location = " + cache + "\n");
  expect_a_life(*service, cache + "/data");
  EXPECT_FALSE(mount_at(place));
}

TEST_F(ProgramServiceTest, WhatCannotStartIsNotReady) {
  origin_.stop();
  const auto service = start("directory = " + work_.make_dir("mnt") + "\nretries = 0\n" +
                             "cache-location = " + work_ / "cache" + "\n");
  EXPECT_EQ(service->wait(std::chrono::seconds(60)), 1) << service->log();
  EXPECT_THAT(service->log(), HasSubstr("cannot mount"));
  EXPECT_EQ(manager_.receive(std::chrono::seconds(0)), "");
}

}  // namespace
}  // namespace lazymirror::testing

// SPDX-License-Identifier: Apache-2.0
#include "cli/mount_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "cli/control_commands.h"
#include "control/server.h"
#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using namespace cli;
using ::testing::ElementsAre;

// A number that no kernel gives out, and no other process: all have one registry.
std::string device(int number) {
  return "9999:" + std::to_string(::getpid()) + std::to_string(number);
}

class MountRegistryTest : public ::testing::Test {
 protected:
  static MountLine line(const std::string& device) {
    MountLine line;
    line.device = device;
    line.type = "fuse.lazymirror";
    line.options = "rw,user_id=" + std::to_string(::geteuid()) + ",group_id=0";
    return line;
  }

  const std::string device_ = device(1), other_ = device(2);
  TempDir work_;
};

TEST_F(MountRegistryTest, AMountIsFoundByItsDeviceForAsLongAsItIsRegistered) {
  EXPECT_EQ(registered_cache(line(device_)), "");
  {
    const auto entry = RegisteredMount::enter(device_, work_.path());
    ASSERT_TRUE(entry) << entry.error().message;
    EXPECT_EQ(registered_cache(line(device_)), work_.path());
    EXPECT_EQ(registered_cache(line(other_)), "");
  }
  EXPECT_EQ(registered_cache(line(device_)), "");
}

TEST_F(MountRegistryTest, ANewMountOfTheSameNumberTakesOver) {
  auto first = RegisteredMount::enter(device_, work_.path());
  ASSERT_TRUE(first);
  auto second = RegisteredMount::enter(device_, work_ / "b");
  ASSERT_TRUE(second);
  first = fail(Errc::internal, "gone");
  EXPECT_EQ(registered_cache(line(device_)), work_ / "b") << "its own entry only is taken away";
}

TEST_F(MountRegistryTest, WhatAKilledDaemonLeftIsTakenAway) {
  work_.make_dir("meta");
  const auto server = control::ControlServer::start(control_socket(work_.path()), {});
  ASSERT_TRUE(server) << server.error().message;
  const auto alive = RegisteredMount::enter(device_, work_.path());
  ASSERT_TRUE(alive);
  work_.make_dir("dead/meta");
  auto killed = RegisteredMount::enter(other_, work_ / "dead");
  ASSERT_TRUE(killed);
  const auto another = RegisteredMount::enter(device(3), work_.path());
  EXPECT_EQ(registered_cache(line(device_)), work_.path());
  EXPECT_EQ(registered_cache(line(other_)), "");
}

TEST_F(MountRegistryTest, WhatCannotBeSeenFromHereIsLeftAlone) {
  const auto elsewhere = RegisteredMount::enter(other_, work_ / "in-another-namespace");
  ASSERT_TRUE(elsewhere);
  const auto here = RegisteredMount::enter(device_, work_.path());
  EXPECT_EQ(registered_cache(line(other_)), work_ / "in-another-namespace");
}

TEST_F(MountRegistryTest, TheOwnerIsReadFromTheOptionsOfTheMount) {
  MountLine mount;
  EXPECT_EQ(owner_of(mount), 0u);
  mount.options = "rw,user_id=1000,group_id=1000";
  EXPECT_EQ(owner_of(mount), 1000u);
}

TEST_F(MountRegistryTest, EachUserHasPlacesOfHisOwn) {
  EXPECT_THAT(registry_places(0), ElementsAre("/run/lazymirror", "/tmp/lazymirror-0"));
  EXPECT_THAT(registry_places(7), ElementsAre("/run/user/7/lazymirror", "/tmp/lazymirror-7"));
}

}  // namespace
}  // namespace lazymirror::testing

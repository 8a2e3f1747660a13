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

// Numbers that no kernel gives out.
constexpr const char* kDevice = "9999:1";
constexpr const char* kOther = "9999:2";

class MountRegistryTest : public ::testing::Test {
 protected:
  static MountLine line(const std::string& device) {
    MountLine line;
    line.device = device;
    line.type = "fuse.lazymirror";
    line.options = "rw,user_id=" + std::to_string(::geteuid()) + ",group_id=0";
    return line;
  }

  TempDir work_;
};

TEST_F(MountRegistryTest, AMountIsFoundByItsDeviceForAsLongAsItIsRegistered) {
  EXPECT_EQ(registered_cache(line(kDevice)), "");
  {
    const auto entry = RegisteredMount::enter(kDevice, work_.path());
    ASSERT_TRUE(entry) << entry.error().message;
    EXPECT_EQ(registered_cache(line(kDevice)), work_.path());
    EXPECT_EQ(registered_cache(line(kOther)), "");
  }
  EXPECT_EQ(registered_cache(line(kDevice)), "");
}

TEST_F(MountRegistryTest, ANewMountOfTheSameNumberTakesOver) {
  auto first = RegisteredMount::enter(kDevice, work_.path());
  ASSERT_TRUE(first);
  auto second = RegisteredMount::enter(kDevice, work_ / "b");
  ASSERT_TRUE(second);
  first = fail(Errc::internal, "gone");
  EXPECT_EQ(registered_cache(line(kDevice)), work_ / "b") << "its own entry only is taken away";
}

TEST_F(MountRegistryTest, WhatAKilledDaemonLeftIsTakenAway) {
  work_.make_dir("meta");
  const auto server = control::ControlServer::start(control_socket(work_.path()), {});
  ASSERT_TRUE(server) << server.error().message;
  const auto alive = RegisteredMount::enter(kDevice, work_.path());
  ASSERT_TRUE(alive);
  work_.make_dir("dead/meta");
  auto killed = RegisteredMount::enter(kOther, work_ / "dead");
  ASSERT_TRUE(killed);
  const auto another = RegisteredMount::enter("9999:3", work_.path());
  EXPECT_EQ(registered_cache(line(kDevice)), work_.path());
  EXPECT_EQ(registered_cache(line(kOther)), "");
}

TEST_F(MountRegistryTest, WhatCannotBeSeenFromHereIsLeftAlone) {
  const auto elsewhere = RegisteredMount::enter(kOther, work_ / "in-another-namespace");
  ASSERT_TRUE(elsewhere);
  const auto here = RegisteredMount::enter(kDevice, work_.path());
  EXPECT_EQ(registered_cache(line(kOther)), work_ / "in-another-namespace");
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

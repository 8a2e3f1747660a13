// SPDX-License-Identifier: Apache-2.0
#include "fuse/mountpoint.h"

#include <gtest/gtest.h>

namespace lazymirror::fuse {
namespace {

constexpr const char* kMountinfo =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "40 22 0:50 / /mnt/a\\040b rw,nosuid - tmpfs tmpfs rw\n"
    "41 40 0:51 / /mnt/a\\040b ro,nosuid,nodev master:2 shared:7 - fuse.lazymirror "
    "http://x/a\\134b ro,user_id=0\n"
    "broken\n";

TEST(MountpointTest, FindsTheTopmostMountOfAPlace) {
  const auto found = find_mount(kMountinfo, "/mnt/a b");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->device, "0:51");
  EXPECT_EQ(found->type, "fuse.lazymirror");
  EXPECT_EQ(found->source, "http://x/a\\b");
}

TEST(MountpointTest, FindsNothingBesideAMount) {
  EXPECT_FALSE(find_mount(kMountinfo, "/mnt"));
  EXPECT_FALSE(find_mount(kMountinfo, "/mnt/a b/c"));
  EXPECT_FALSE(find_mount("", "/"));
}

TEST(MountpointTest, LeavesAPlaceAloneWhereAnotherDeviceIsMounted) {
  const auto root = mount_at("/");
  ASSERT_TRUE(root);
  const auto done = unmount("/", root->device + "9");
  ASSERT_TRUE(done);
  EXPECT_EQ(*done, Unmounted::gone);
  EXPECT_TRUE(mount_at("/"));
}

TEST(MountpointTest, SaysWhatIsWrongWithAPlace) {
  EXPECT_EQ(prepare_mountpoint("/proc/nonexistent/x").error().code, Errc::not_found);
  EXPECT_EQ(prepare_mountpoint("/etc/passwd").error().code, Errc::not_a_directory);
  EXPECT_EQ(prepare_mountpoint("/proc").error().code, Errc::busy);
  EXPECT_EQ(prepare_mountpoint("/proc/").error().code, Errc::busy);
}

}  // namespace
}  // namespace lazymirror::fuse

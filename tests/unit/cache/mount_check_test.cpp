// SPDX-License-Identifier: Apache-2.0
#include "cache/mount_check.h"

#include <gtest/gtest.h>

namespace lazymirror {
namespace {

constexpr std::string_view kMounts =
    "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
    "23 22 7:0 / /a rw - ext4 /dev/loop0 rw,nobarrier\n"
    "24 22 7:1 / /b rw shared:3 master:4 - ext4 /dev/loop1 rw,nodelalloc,data=writeback\n"
    "25 22 7:2 / /c rw - ext4 /dev/loop2 rw,data=writeback\n"
    "26 22 7:3 / /nobarrier rw,nobarrier - xfs /dev/loop3 rw\n"
    "27 broken\n"
    "28 22 7:4 / /d rw - ext4 /dev/loop4 rw,barrier=0\n";

TEST(MountCheckTest, OrdinaryMountIsSafe) {
  EXPECT_FALSE(unsafe_mount(kMounts, 22));
  EXPECT_FALSE(unsafe_mount(kMounts, 25)) << "writeback alone is covered by delayed allocation";
  EXPECT_FALSE(unsafe_mount(kMounts, 26)) << "not an option of the file system";
}

TEST(MountCheckTest, NamesMountsWithoutBarriers) {
  EXPECT_NE(unsafe_mount(kMounts, 23).value_or("").find("nobarrier"), std::string::npos);
  EXPECT_NE(unsafe_mount(kMounts, 28).value_or("").find("barrier=0"), std::string::npos);
}

TEST(MountCheckTest, NamesWritebackWithImmediateAllocation) {
  EXPECT_NE(unsafe_mount(kMounts, 24).value_or("").find("data=writeback"), std::string::npos);
}

TEST(MountCheckTest, UnknownAndBrokenLinesAreIgnored) {
  EXPECT_FALSE(unsafe_mount(kMounts, 27));
  EXPECT_FALSE(unsafe_mount(kMounts, 99));
  EXPECT_FALSE(unsafe_mount("", 1));
}

}  // namespace
}  // namespace lazymirror

// SPDX-License-Identifier: Apache-2.0
#include "base/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror {
namespace {

TEST(MountTableTest, ReadsLinesOfTheKernel) {
  const auto table = parse_mount_table(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 shared:7 - ext3 /dev/root rw,errors=continue\n"
      "24 30 0:21 / /a\\040b\\134c rw - fuse.lazymirror http://h/x\\040y rw\n");
  ASSERT_EQ(table.size(), 2u);
  EXPECT_EQ(table[0].device, "98:0");
  EXPECT_EQ(table[0].root, "/mnt1");
  EXPECT_EQ(table[0].path, "/mnt2");
  EXPECT_EQ(table[0].type, "ext3");
  EXPECT_EQ(table[0].source, "/dev/root");
  EXPECT_EQ(table[0].options, "rw,errors=continue");
  EXPECT_EQ(table[1].path, "/a b\\c");
  EXPECT_EQ(table[1].source, "http://h/x y");
}

TEST(MountTableTest, WhatIsNoLineIsLeftOut) {
  EXPECT_TRUE(parse_mount_table("").empty());
  EXPECT_TRUE(parse_mount_table("\nnonsense\n36 35 98:0 / /mnt rw\n").empty());
}

TEST(MountTableTest, TellsOneMountFromAnother) {
  const auto table = parse_mount_table(
      "22 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n"
      "23 22 0:41 /a /mnt/c\\134d ro shared:12 master:3 - autofs lazymirror-trap rw\n"
      "24 22 0:42 / /x rw - tmpfs\n"
      "25 22 0:43 / /y\\9 rw master:7 propagate_from:2 - tmpfs none rw");
  ASSERT_EQ(table.size(), 3u) << "one has no source";
  EXPECT_EQ(table[0].peer_group, 1u);
  EXPECT_EQ(table[1].id, 23u);
  EXPECT_EQ(table[1].parent, 22u);
  EXPECT_EQ(table[1].path, "/mnt/c\\d");
  EXPECT_EQ(table[1].peer_group, 12u);
  EXPECT_EQ(table[2].path, "/y\\9") << "no octal number";
  EXPECT_EQ(table[2].peer_group, 0u);
}

TEST(MountTableTest, KnowsWhatIsBelowAPath) {
  EXPECT_TRUE(is_at_or_below("/a/b", "/a/b"));
  EXPECT_TRUE(is_at_or_below("/a/b/c", "/a/b"));
  EXPECT_TRUE(is_at_or_below("/a", "/"));
  EXPECT_FALSE(is_at_or_below("/a/bc", "/a/b"));
  EXPECT_FALSE(is_at_or_below("/a", "/a/b"));
}

TEST(MountTableTest, ThisSystemHasARoot) {
  const auto table = read_mount_table();
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(*table, testing::Contains(testing::Field(&MountLine::path, "/")));
}

}  // namespace
}  // namespace lazymirror

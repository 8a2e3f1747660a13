// SPDX-License-Identifier: Apache-2.0
#include "config/mount_helper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lazymirror {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(MountHelperTest, IsKnownByItsName) {
  EXPECT_TRUE(is_mount_helper("/sbin/mount.lazymirror"));
  EXPECT_TRUE(is_mount_helper("mount.lazymirror"));
  EXPECT_FALSE(is_mount_helper("/usr/bin/lazymirror"));
  EXPECT_FALSE(is_mount_helper("/mount.lazymirror/lazymirror"));
}

TEST(MountHelperTest, TheWordsOfMountBecomeThoseOfTheCommand) {
  const auto call =
      parse_mount_helper({"http://h/", "/mnt", "-sfnv", "-o", "ro,ttl=1h", "-t", "x.y"});
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_THAT(call->arguments, ElementsAre("mount", "-o", "ro,ttl=1h", "--", "http://h/", "/mnt"));
  EXPECT_TRUE(call->sloppy);
  EXPECT_TRUE(call->fake);
  EXPECT_TRUE(call->verbose);
}

TEST(MountHelperTest, ValuesMayBeWrittenWithoutABlank) {
  const auto call = parse_mount_helper({"-nosync", "http://h/", "/mnt", "-tlazymirror"});
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_THAT(call->arguments, ElementsAre("mount", "-o", "sync", "--", "http://h/", "/mnt"));
  EXPECT_FALSE(call->sloppy);
}

TEST(MountHelperTest, MistakesAreSentences) {
  EXPECT_THAT(parse_mount_helper({"a", "b", "-o"}).error().message, HasSubstr("-o needs a value"));
  EXPECT_THAT(parse_mount_helper({"a", "b", "-x"}).error().message, HasSubstr("-x is no option"));
  EXPECT_THAT(parse_mount_helper({"a", "b", "-N", "/proc/1/ns/mnt"}).error().message,
              HasSubstr("nsenter"));
}

}  // namespace
}  // namespace lazymirror

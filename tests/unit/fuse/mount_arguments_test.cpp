// SPDX-License-Identifier: Apache-2.0
#include "fuse/mount_arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace lazymirror::fuse {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

TEST(MountArgumentsTest, AreAlwaysReadOnlyAndWithoutPrivileges) {
  const auto arguments = mount_arguments("http://x/", {});
  ASSERT_TRUE(arguments);
  EXPECT_THAT(arguments->arguments,
              Contains(AllOf(HasSubstr("ro,nosuid,nodev,default_permissions"),
                             HasSubstr("subtype=lazymirror"), HasSubstr("max_read=1048576"))));
  EXPECT_EQ(arguments->appearance.uid, ::geteuid());
  EXPECT_EQ(arguments->appearance.file_mode, 0444U);
}

TEST(MountArgumentsTest, EscapeTheSource) {
  EXPECT_THAT(mount_arguments("http://x/a,b\\c", {})->arguments,
              Contains(HasSubstr("fsname=http://x/a\\,b\\\\c")));
}

TEST(MountArgumentsTest, HandOnWhatTheKernelKnows) {
  const auto arguments = mount_arguments("s", {"allow_other", "noatime", "ro", "_netdev", "x-a.b"});
  ASSERT_TRUE(arguments) << arguments.error().message;
  EXPECT_THAT(arguments->arguments, AllOf(Contains("allow_other"), Contains("noatime")));
  EXPECT_EQ(arguments->arguments.size(), 3U + 4U);
}

TEST(MountArgumentsTest, TakeOwnersAsNumbers) {
  const auto arguments = mount_arguments("s", {"uid=1000", "gid=100"});
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->appearance.uid, 1'000U);
  EXPECT_EQ(arguments->appearance.gid, 100U);
  for (const char* bad : {"uid=", "uid=me", "gid=-1", "gid=1x", "uid=99999999999"}) {
    const auto refused = mount_arguments("s", {bad});
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code, Errc::invalid);
  }
}

TEST(MountArgumentsTest, ShowExecutableBitsOnRequestOnly) {
  EXPECT_EQ(mount_arguments("s", {"exec"})->appearance.file_mode, 0555U);
  EXPECT_EQ(mount_arguments("s", {"exec", "noexec"})->appearance.file_mode, 0444U);
}

TEST(MountArgumentsTest, RefuseTheRestWithASentence) {
  const auto unknown = mount_arguments("s", {"big_writes"});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Errc::invalid);
  EXPECT_THAT(unknown.error().message, HasSubstr("unknown mount option big_writes"));
  EXPECT_THAT(mount_arguments("s", {"rw"}).error().message, HasSubstr("read-only"));
  EXPECT_FALSE(mount_arguments("s", {"suid"}));
  EXPECT_FALSE(mount_arguments("s", {"dev"}));
  EXPECT_FALSE(mount_arguments("s", {"fsname=x"}));
}

}  // namespace
}  // namespace lazymirror::fuse

// SPDX-License-Identifier: Apache-2.0
#include "cli/xfs_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "support/temp_dir.h"

namespace lazymirror::testing {
namespace {

using namespace cli;

TEST(XfsImageTest, AMissingProgramIsNamedWithItsPackage) {
  const TempDir work;
  const auto made = make_xfs_image(work / "image", 1ull << 30, {"/proc/nonexistent", work.path()});
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, ::testing::HasSubstr("apt install xfsprogs"));
  EXPECT_FALSE(std::filesystem::exists(work / "image"));
}

TEST(XfsImageTest, AProgramThatFailsLeavesNothing) {
  const TempDir work;
  work.write("mkfs.xfs", "#!/bin/sh\nexit 1\n", 0755);
  EXPECT_FALSE(make_xfs_image(work / "image", 1ull << 30, {work.path()}));
  EXPECT_FALSE(std::filesystem::exists(work / "image"));
}

TEST(XfsImageTest, OursIsKnownByItsLabel) {
  const TempDir work;
  std::string head(512, '\0');
  head.replace(0, 4, "XFSB");
  EXPECT_EQ(look_at_image(work.write("unnamed", head)).value(), ImageKind::other);
  head.replace(108, 10, "lazymirror");
  EXPECT_EQ(look_at_image(work.write("ours", head)).value(), ImageKind::ours);
  EXPECT_EQ(look_at_image(work.write("short", head.substr(0, 119))).value(), ImageKind::other);
  head.replace(108, 12, "lazymirrors!");
  EXPECT_EQ(look_at_image(work.write("other", head)).value(), ImageKind::other);
  EXPECT_EQ(look_at_image(work.write("empty", "")).value(), ImageKind::other);
  EXPECT_EQ(look_at_image(work.path()).value(), ImageKind::other) << "a directory";
  EXPECT_EQ(look_at_image(work / "none").value(), ImageKind::absent);
}

}  // namespace
}  // namespace lazymirror::testing

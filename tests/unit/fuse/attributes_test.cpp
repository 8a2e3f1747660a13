// SPDX-License-Identifier: Apache-2.0
#include "fuse/attributes.h"

#include <gtest/gtest.h>

namespace lazymirror::fuse {
namespace {

TEST(AttributesTest, CountsEveryByteAsABlock) {
  const struct stat st = to_stat({.id = 9, .size = 1'025}, {});
  EXPECT_EQ(st.st_ino, 9U);
  EXPECT_EQ(st.st_size, 1'025);
  EXPECT_EQ(st.st_blocks, 3);
  EXPECT_EQ(to_stat({.size = 1'024}, {}).st_blocks, 2);
  EXPECT_EQ(to_stat({.size = 0}, {}).st_blocks, 0);
}

TEST(AttributesTest, ShowsFilesAsReadable) {
  const struct stat st = to_stat({}, {.uid = 5, .gid = 6});
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFREG | 0444));
  EXPECT_EQ(st.st_nlink, 1U);
  EXPECT_EQ(st.st_uid, 5U);
  EXPECT_EQ(st.st_gid, 6U);
}

TEST(AttributesTest, ShowsDirectoriesAsSearchable) {
  const struct stat st = to_stat({.kind = EntryKind::directory, .size = 77}, {});
  EXPECT_EQ(st.st_mode, static_cast<mode_t>(S_IFDIR | 0555));
  EXPECT_EQ(st.st_nlink, 2U);
  EXPECT_EQ(st.st_size, 0);
}

TEST(AttributesTest, KeepsNanosecondsAlsoBefore1970) {
  const struct stat st = to_stat({.mtime_ns = -1, .ctime_ns = 1'500'000'000'000'000'007}, {});
  EXPECT_EQ(st.st_mtim.tv_sec, -1);
  EXPECT_EQ(st.st_mtim.tv_nsec, 999'999'999);
  EXPECT_EQ(st.st_atim.tv_nsec, 999'999'999);
  EXPECT_EQ(st.st_ctim.tv_sec, 1'500'000'000);
  EXPECT_EQ(st.st_ctim.tv_nsec, 7);
}

}  // namespace
}  // namespace lazymirror::fuse

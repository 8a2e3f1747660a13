// SPDX-License-Identifier: Apache-2.0
//
// The tree is read-only, and says so in the one way programs understand.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "contract/contract_test.h"

namespace lazymirror::testing {
namespace {

class Writes : public MountedContractTest {
 protected:
  Writes() { origin().put("/d/f", {.size = 1000}); }

  static int error_of(int result) { return result < 0 ? errno : 0; }
};
INSTANTIATE_TEST_SUITE_P(All, Writes, ::testing::ValuesIn(over_oracle()), param_name);

TEST_P(Writes, AreRefusedAsReadOnly) {
  const std::string file = local("/d/f"), dir = local("/d"), fresh = local("/d/new");
  EXPECT_EQ(error_of(::open(file.c_str(), O_WRONLY)), EROFS);
  EXPECT_EQ(error_of(::open(file.c_str(), O_RDWR)), EROFS);
  EXPECT_EQ(error_of(::open(file.c_str(), O_RDONLY | O_TRUNC)), EROFS);
  EXPECT_EQ(error_of(::open(fresh.c_str(), O_WRONLY | O_CREAT, 0644)), EROFS);
  EXPECT_EQ(error_of(::truncate(file.c_str(), 0)), EROFS);
  EXPECT_EQ(error_of(::unlink(file.c_str())), EROFS);
  EXPECT_EQ(error_of(::mkdir(fresh.c_str(), 0755)), EROFS);
  EXPECT_EQ(error_of(::rmdir(dir.c_str())), EROFS);
  EXPECT_EQ(error_of(::rename(file.c_str(), fresh.c_str())), EROFS);
  EXPECT_EQ(error_of(::symlink("x", fresh.c_str())), EROFS);
  EXPECT_EQ(error_of(::link(file.c_str(), fresh.c_str())), EROFS);
  EXPECT_EQ(error_of(::chmod(file.c_str(), 0777)), EROFS);
  EXPECT_EQ(error_of(::setxattr(file.c_str(), "user.x", "1", 1, 0)), EROFS);
  EXPECT_EQ(error_of(::removexattr(file.c_str(), "user.lazymirror.state")), EROFS);
  EXPECT_EQ(error_of(::mkfifo(fresh.c_str(), 0644)), EROFS);
  EXPECT_TRUE(reads_as("/d/f", 1, 1000)) << "and nothing has happened";
}

TEST_P(Writes, AreKnownToBeRefusedBeforehand) {
  EXPECT_EQ(::access(local("/d/f").c_str(), R_OK), 0);
  EXPECT_EQ(error_of(::access(local("/d/f").c_str(), W_OK)), EROFS);
  struct statvfs info {};
  ASSERT_EQ(::statvfs(local("/").c_str(), &info), 0);
  EXPECT_TRUE(info.f_flag & ST_RDONLY);
}

TEST_P(Writes, LeaveTheSizesOfTheFileSystemToBeSeen) {
  ASSERT_TRUE(reads_as("/d/f", 1, 1000));
  struct statvfs info {};
  ASSERT_EQ(::statvfs(local("/").c_str(), &info), 0);
  EXPECT_GT(info.f_blocks, 0u);
  EXPECT_GE(info.f_blocks, info.f_bavail);
  EXPECT_GE(info.f_bsize, 512u);
  EXPECT_EQ(info.f_namemax, 255u);
}

class Attributes : public Writes {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Attributes);  // where all trees are in place
INSTANTIATE_TEST_SUITE_P(All, Attributes, ::testing::ValuesIn(not_in_place(over_oracle())),
                         param_name);

// Listed, they would be copied by `cp -a` and `rsync -X`.
TEST_P(Attributes, AreReadByNameOnly) {
  const std::string file = local("/d/f");
  EXPECT_LE(::listxattr(file.c_str(), nullptr, 0), 0);
  char small = 0;
  const ssize_t size = ::getxattr(file.c_str(), "user.lazymirror.url", nullptr, 0);
  EXPECT_EQ(size, static_cast<ssize_t>(oracle().url("/d/f").size()))
      << "the size is told beforehand";
  EXPECT_EQ(error_of(static_cast<int>(::getxattr(file.c_str(), "user.lazymirror.url", &small, 1))),
            ERANGE);
  EXPECT_EQ(error_of(static_cast<int>(::getxattr(file.c_str(), "user.other", &small, 1))), ENODATA);
  EXPECT_EQ(tree().xattr("/d", "user.lazymirror.state").value_or("none"), "directory");
}

}  // namespace
}  // namespace lazymirror::testing

// SPDX-License-Identifier: Apache-2.0
//
// `lazymirror mkcache` as root runs it, in a mount namespace of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "support/child_process.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ProgramMkcacheTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const bool is_private = enter_private_mounts();
    LM_REQUIRE(is_private, "needs CAP_SYS_ADMIN");
    LM_REQUIRE(::access("/dev/loop-control", F_OK) == 0, "needs loop devices");
    LM_REQUIRE(run_shell("command -v mkfs.xfs").status == 0, "needs xfsprogs");
  }
  ~ProgramMkcacheTest() override { unmount_below(work_.path()); }

  Outcome mkcache(const std::string& directory) {
    return run_program("mkcache --size=320M " + image_ + " " + directory);
  }
  static void expect_refusal(const Outcome& o, const std::string& why) {
    EXPECT_EQ(o.status, 1);
    EXPECT_EQ(o.out, "");
    EXPECT_THAT(o.err, HasSubstr(why));
  }

  TempDir work_;
  std::string image_ = work_ / "image";
  std::string home_ = work_.make_dir("home");
};

TEST_F(ProgramMkcacheTest, MakesAndMountsASparseXfsWithReflinks) {
  const Outcome o = mkcache(home_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.out, HasSubstr(image_ + " " + home_ + " xfs loop,nosuid,nodev,noatime,nofail 0 0"));
  const auto mount = mount_at(home_);
  ASSERT_TRUE(mount);
  EXPECT_EQ(mount->type, "xfs");
  EXPECT_THAT(mount->options, AllOf(HasSubstr("nosuid"), HasSubstr("nodev"), HasSubstr("noatime")));
  struct stat attributes {};
  ASSERT_EQ(::stat(image_.c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_size, 320 << 20);
  EXPECT_LT(attributes.st_blocks * 512, 200 << 20);
  EXPECT_EQ(attributes.st_mode & 0777, 0600u);
  EXPECT_EQ(run_shell("cd " + home_ + " && echo x >a && cp --reflink=always a b").status, 0);
}

TEST_F(ProgramMkcacheTest, TheLineForFstabWorks) {
  const Outcome o = mkcache(home_);
  ASSERT_EQ(o.status, 0) << o.err;
  ASSERT_EQ(run_command({"umount", home_}).status, 0);
  const std::string fstab = work_.write("fstab", o.out.substr(o.out.find('\n') + 1));
  EXPECT_EQ(run_command({"mount", "-T", fstab, home_}).status, 0);
  EXPECT_TRUE(mount_at(home_));
}

TEST_F(ProgramMkcacheTest, AnImageOfOursIsMountedAgainWithWhatIsInIt) {
  ASSERT_EQ(mkcache(home_).status, 0);
  ASSERT_EQ(run_shell("echo kept >" + home_ + "/file").status, 0);
  EXPECT_EQ(mkcache(home_).status, 0) << "it is mounted there already";
  ASSERT_EQ(run_command({"umount", home_}).status, 0);
  const Outcome o = mkcache(home_);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(slurp(home_ + "/file"), "kept\n");
}

TEST_F(ProgramMkcacheTest, AnImageInUseIsRefusedWithItsPlace) {
  ASSERT_EQ(mkcache(home_).status, 0);
  expect_refusal(mkcache(work_.make_dir("other")), "is mounted at " + home_);
}

TEST_F(ProgramMkcacheTest, AnythingElseThatExistsIsRefusedAndKept) {
  work_.write("image", "precious");
  expect_refusal(mkcache(home_), "was not made by lazymirror mkcache");
  EXPECT_EQ(slurp(image_), "precious");
  image_ = "/dev/null";
  expect_refusal(mkcache(home_), "was not made by lazymirror mkcache");
}

TEST_F(ProgramMkcacheTest, ADirectoryThatIsMissingOrNotEmptyIsRefused) {
  work_.write("home/file", "x");
  expect_refusal(mkcache(home_), "is not empty");
  expect_refusal(mkcache(work_ / "none"), "mkdir -p " + work_ / "none");
  expect_refusal(mkcache(home_ + "/file"), "is not a directory");
  EXPECT_FALSE(std::filesystem::exists(image_)) << "mistakes are found before anything is made";
}

TEST_F(ProgramMkcacheTest, NothingIsLeftOfAnImageThatCouldNotBeMade) {
  const Outcome o = run_program("mkcache --size=16000000T " + image_ + " " + home_);
  EXPECT_EQ(o.status, o.err.find("--size") == o.err.npos ? 1 : 2) << o.err;
  EXPECT_FALSE(std::filesystem::exists(image_));
}

TEST_F(ProgramMkcacheTest, TooSmallIsWrongUsage) {
  const Outcome o = run_program("mkcache --size=100M " + image_ + " " + home_);
  EXPECT_EQ(o.status, 2);
  EXPECT_THAT(o.err, HasSubstr("300.0 MiB or more"));
}

}  // namespace
}  // namespace lazymirror::testing

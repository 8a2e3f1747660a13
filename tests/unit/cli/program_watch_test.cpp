// SPDX-License-Identifier: Apache-2.0
//
// The commands of watching as root's shell runs them, on a small file system in
// a mount namespace of its own.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "base/file_io.h"
#include "support/child_process.h"
#include "support/daemon.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "support/truth.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::uint64_t kSize = 1 << 20;

class ProgramWatchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    static const bool is_private = enter_private_mounts();
    LM_REQUIRE(is_private && SmallFs::available(), "needs CAP_SYS_ADMIN");
    disk_ = std::make_unique<SmallFs>(SmallFs::Kind::ext4, 64 << 20);
    cache_ = disk_->path() + "/cache";
    origin_.put("/file", {.size = kSize});
    origin_.put("/a/b/deep", {.size = kSize});
  }
  ~ProgramWatchTest() override {
    if (disk_) (void)run_program("stop " + cache_);
  }

  Outcome watch(const std::string& more = "", const std::string& directory = "") {
    return run_program("watch " + more + " " + origin_.url() + " " + cache_ + " " + directory);
  }
  static std::int64_t blocks(const std::string& path) {
    struct stat attributes {};
    return ::stat(path.c_str(), &attributes) == 0 ? attributes.st_blocks : -1;
  }

  TempDir work_;
  OracleOrigin origin_;
  std::unique_ptr<SmallFs> disk_;
  std::string cache_;
};

TEST_F(ProgramWatchTest, TheTreeIsThereWhenTheProgramReturns) {
  const Outcome o = watch();
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.out, "");
  EXPECT_TRUE(file_is(cache_ + "/data/file", "/file", 1, kSize));
  EXPECT_TRUE(file_is(cache_ + "/data/a/b/deep", "/a/b/deep", 1, kSize));
}

TEST_F(ProgramWatchTest, TheAncestorsCommandLineWorks) {
  const Outcome o =
      run_program("--fanotify --cache-location " + cache_ + " " + origin_.url() + " -");
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_TRUE(file_is(cache_ + "/data/file", "/file", 1, kSize));
}

TEST_F(ProgramWatchTest, OutputsAreClosedSoThatASubstitutionReturns) {
  const auto result = run_shell("x=$(" + lazymirror_binary() + " watch " + origin_.url() + " " +
                                cache_ + " 2>/dev/null); echo \"<$x>\"");
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "<>\n");
}

TEST_F(ProgramWatchTest, WarningsOfTheWorkerReachTheTerminal) {
  ASSERT_EQ(watch().status, 0);
  ASSERT_EQ(run_program("stop " + cache_).status, 0);
  origin_.stop();
  const Outcome o = watch("--retries=0");
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, HasSubstr("serving what is cached"));
}

TEST_F(ProgramWatchTest, AnOriginThatCannotBeReachedIsAFailureOnTheTerminal) {
  origin_.stop();
  const Outcome o = watch("--retries=0");
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, AllOf(HasSubstr("lazymirror: cannot show "), HasSubstr("check the address")));
  EXPECT_FALSE(mount_at(cache_ + "/data"));
}

TEST_F(ProgramWatchTest, StopByTheDirectoryWhereItIsShownLeavesNothing) {
  const std::string shown = work_.make_dir("shown");
  ASSERT_EQ(watch("", shown).status, 0);
  EXPECT_TRUE(file_is(shown + "/file", "/file", 1, kSize));
  const Outcome o = run_program("stop " + shown);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_FALSE(mount_at(shown));
  EXPECT_FALSE(mount_at(cache_ + "/data"));
  EXPECT_EQ(run_program("stop " + cache_).status, 1) << "nothing runs any more";
}

TEST_F(ProgramWatchTest, EvictFindsItsCacheFromWhereItIsShown) {
  const std::string shown = work_.make_dir("shown");
  ASSERT_EQ(watch("", shown).status, 0);
  const std::string file = shown + "/a/b/deep";
  ASSERT_TRUE(file_is(file, "/a/b/deep", 1, kSize));
  const auto full = blocks(file);
  const Outcome o = evict(file);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_LT(blocks(file), full);
  EXPECT_TRUE(file_is(file, "/a/b/deep", 1, kSize));
}

TEST_F(ProgramWatchTest, EvictOfWhatIsInUseOrNoFileIsAFailureWithItsName) {
  ASSERT_EQ(watch().status, 0);
  const std::string data = cache_ + "/data";
  ASSERT_TRUE(file_is(data + "/file", "/file", 1, kSize));
  const auto open_one = open_fd(AT_FDCWD, data + "/file", O_RDONLY);
  ASSERT_TRUE(open_one);
  const Outcome busy = run_program("evict " + data + "/file");
  EXPECT_EQ(busy.status, 1);
  EXPECT_THAT(busy.err, HasSubstr("cannot evict " + data + "/file: file: "));
  EXPECT_EQ(run_program("evict " + data + "/a").status, 1);
  EXPECT_THAT(run_program("evict " + data).err, HasSubstr("name files"));
}

TEST_F(ProgramWatchTest, PrivateFilesOfRootReachTheWorker) {
  origin_.set_require_auth("me", "secret");
  const std::string closed = work_.make_dir("closed");
  ASSERT_EQ(::chmod(closed.c_str(), 0700), 0);
  const std::string netrc = work_.write("closed/netrc", "default login me password secret", 0600);
  const Outcome o = watch("--retries=0 --netrc-file=" + netrc);
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_TRUE(file_is(cache_ + "/data/file", "/file", 1, kSize));
}

TEST_F(ProgramWatchTest, ASecondWatchOfTheCacheSaysWhoHasIt) {
  ASSERT_EQ(watch().status, 0);
  const Outcome o = watch();
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr("is in use by process"));
}

TEST_F(ProgramWatchTest, FilesAreProgramsWithExec) {
  ASSERT_EQ(watch("-o exec").status, 0);
  struct stat attributes {};
  ASSERT_EQ(::stat((cache_ + "/data/file").c_str(), &attributes), 0);
  EXPECT_EQ(attributes.st_mode & 0777, 0555u);
}

}  // namespace
}  // namespace lazymirror::testing

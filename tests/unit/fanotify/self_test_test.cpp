// SPDX-License-Identifier: Apache-2.0
#include "fanotify/self_test.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "fanotify/forked_child.h"
#include "support/child_process.h"
#include "support/loop_fs.h"
#include "support/mounts.h"
#include "support/skip.h"
#include "support/waiting.h"
#include "unit/fanotify/trapped_tree.h"

namespace lazymirror::fanotify {
namespace {

using testing::SmallFs;
using testing::TempDir;

class SelfTestTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available(), "mounting needs root");
    static const bool is_private = testing::enter_private_mounts();
    LM_REQUIRE(is_private, "needs a mount namespace of its own");
  }
};

class SelfTestOnTest : public SelfTestTest,
                       public ::testing::WithParamInterface<std::tuple<SmallFs::Kind, EventMode>> {
};

TEST_P(SelfTestOnTest, PassesOnThisKernelAndSaysWhatIsLimited) {
  const auto [kind, mode] = GetParam();
  const SmallFs fs(kind, 320u << 20);
  const std::string scratch = fs.path() + "/scratch";
  ASSERT_EQ(::mkdir(scratch.c_str(), 0700), 0);
  const auto report = self_test(scratch, mode);
  if (!report) {
    LM_REQUIRE(report.error().code != Errc::unsupported, report.error().message);
  }
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->failures, std::vector<std::string>());
  EXPECT_EQ(report->limits.size(), kind == SmallFs::Kind::ext4 ? 1u : 0u);
  EXPECT_GT(std::filesystem::remove_all(scratch), 0u);
  EXPECT_EQ(::umount2(fs.path().c_str(), 0), 0) << "nothing is left in use";
}

TEST_P(SelfTestOnTest, LeavesNobodyBehindWhenItIsKilled) {
  const auto [kind, mode] = GetParam();
  const SmallFs fs(kind, 320u << 20);
  const std::string scratch = fs.path() + "/scratch";
  for (int moment = 0; moment < 12; ++moment) {
    std::filesystem::remove_all(scratch);
    ASSERT_EQ(::mkdir(scratch.c_str(), 0700), 0);
    auto starting =
        ForkedChild::start([&, mode = mode] { return self_test(scratch, mode) ? 0 : 1; });
    ASSERT_TRUE(starting);
    testing::let_pass(std::chrono::milliseconds(3 * moment));  // is the input
    starting->signal(SIGKILL);
  }
  EXPECT_TRUE(testing::eventually([&] { return ::umount2(fs.path().c_str(), 0) == 0; }))
      << "somebody has a file of it open";
}

INSTANTIATE_TEST_SUITE_P(
    FileSystems, SelfTestOnTest,
    ::testing::Combine(::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::xfs,
                                         SmallFs::Kind::btrfs),
                       ::testing::Values(EventMode::pre_access, EventMode::access_perm)));

TEST_F(SelfTestTest, ReportsAFileSystemThatCannotBeWatched) {
  const SmallFs fs(SmallFs::Kind::tmpfs, 8u << 20);
  const std::string scratch = fs.path() + "/scratch";
  ASSERT_EQ(::mkdir(scratch.c_str(), 0700), 0);
  const auto report = self_test(scratch, EventMode::pre_access);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::unsupported) << report.error().message;
}

TEST_F(SelfTestTest, PlaceOnAFileSystemOfItsOwnIsFine) {
  const SmallFs fs(SmallFs::Kind::ext4, 64u << 20);
  EXPECT_TRUE(check_place(fs.path(), false));
}

TEST_F(SelfTestTest, PlaceOnTmpfsOrOverlayfsIsRefusedWithARemedy) {
  const SmallFs fs(SmallFs::Kind::tmpfs, 8u << 20);
  for (const char* name : {"/lower", "/upper", "/work", "/merged"}) {
    ASSERT_EQ(::mkdir((fs.path() + name).c_str(), 0755), 0);
  }
  const std::string options = "lowerdir=" + fs.path() + "/lower,upperdir=" + fs.path() +
                              "/upper,workdir=" + fs.path() + "/work";
  const std::string merged = fs.path() + "/merged";
  ASSERT_EQ(::mount("overlay", merged.c_str(), "overlay", 0, options.c_str()), 0);
  const auto tmpfs = check_place(fs.path(), true);
  const auto overlay = check_place(merged, true);
  ASSERT_EQ(::umount2(merged.c_str(), MNT_DETACH), 0);
  ASSERT_FALSE(tmpfs);
  EXPECT_NE(tmpfs.error().message.find("tmpfs"), std::string::npos);
  EXPECT_NE(tmpfs.error().message.find("lazymirror mkcache"), std::string::npos);
  ASSERT_FALSE(overlay);
  EXPECT_NE(overlay.error().message.find("overlayfs"), std::string::npos);
}

TEST_F(SelfTestTest, PlaceOnTheRootFileSystemNeedsConsent) {
  struct stat root {
  }, here{};
  ASSERT_EQ(::stat("/", &root), 0);
  const std::string directory = "/var/tmp";
  ASSERT_EQ(::stat(directory.c_str(), &here), 0);
  LM_REQUIRE(root.st_dev == here.st_dev, "/var/tmp is a file system of its own here");
  const auto refused = check_place(directory, false);
  ASSERT_FALSE(refused);
  LM_REQUIRE(refused.error().code != Errc::unsupported, refused.error().message);
  EXPECT_NE(refused.error().message.find("--shared-filesystem"), std::string::npos);
  EXPECT_TRUE(check_place(directory, true));
}

TEST_F(SelfTestTest, OthersThanRootAreRefused) {
  Walker nobody([] {
    if (::setresuid(65534, 65534, 65534) != 0) return 1;
    const auto refused = check_place("/", true);
    return !refused && refused.error().code == Errc::denied ? 0 : 2;
  });
  EXPECT_EQ(nobody.wait(), 0);
}

}  // namespace
}  // namespace lazymirror::fanotify

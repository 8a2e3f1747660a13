// SPDX-License-Identifier: Apache-2.0
//
// The program as mount.lazymirror, run by the real mount(8) for lines of a
// private fstab. In the test's mount namespace /usr/sbin has the helper.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "support/child_process.h"
#include "support/daemon.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/truth.h"
#include "support/waiting.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::uint64_t kSize = 100'000;

// Once for all tests of this process: a second overlay would lie on the first.
bool put_helper_into_sbin() {
  if (!enter_private_mounts()) return false;
  static const TempDir layer;
  std::filesystem::create_symlink(lazymirror_binary(), layer / "mount.lazymirror");
  const std::string layers = "lowerdir=" + layer.path() + ":/usr/sbin";
  return ::mount("overlay", "/usr/sbin", "overlay", MS_RDONLY, layers.c_str()) == 0;
}

class ProgramHelperTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse cannot be opened");
    static const bool is_there = put_helper_into_sbin();
    LM_REQUIRE(is_there, "needs CAP_SYS_ADMIN and overlayfs");
    place_ = work_.make_dir("mnt");
    origin_.put("/pub/file", {.size = kSize});
  }
  ~ProgramHelperTest() override {
    for (const pid_t pid : processes_with(place_)) ::kill(pid, SIGKILL);
    unmount_below(work_.path());
  }

  // mount(8) as an init system runs it: without HOME and PATH.
  CommandResult mount(const std::string& options, const std::string& flags = "") {
    std::ofstream(work_ / "fstab") << origin_.url("/pub/") << " " << place_ << " lazymirror "
                                   << "cache-location=" << work_ / "cache"
                                   << "," << options << " 0 0\n";
    return run_shell("env -i /bin/mount -T " + work_ / "fstab" + " " + flags + " " + place_,
                     std::chrono::seconds(60));
  }
  CommandResult helper(const std::string& words) {
    return run_shell("/usr/sbin/mount.lazymirror " + origin_.url("/pub/") + " " + place_ + " " +
                     words);
  }

  TempDir work_;
  OracleOrigin origin_;
  std::string place_;
};

TEST_F(ProgramHelperTest, ALineOfFstabIsMountedAndUnmounted) {
  const auto mounted =
      mount("ro,_netdev,nofail,x-systemd.automount,x-systemd.idle-timeout=1h,ttl=1h,connections=2");
  ASSERT_EQ(mounted.status, 0) << mounted.output;
  EXPECT_EQ(mounted.output, "");
  EXPECT_TRUE(file_is(place_ + "/file", "/pub/file", 1, kSize));
  EXPECT_EQ(mount_at(place_)->type, "fuse.lazymirror");
  const auto unmounted = run_command({"umount", place_});
  EXPECT_EQ(unmounted.status, 0) << unmounted.output;
  EXPECT_TRUE(eventually([&] { return processes_with(place_).empty(); }, std::chrono::seconds(30)));
}

TEST_F(ProgramHelperTest, MountingAllAgainChangesNothing) {
  ASSERT_EQ(mount("ro,nofail").status, 0);
  const auto again = run_shell("env -i /bin/mount -a -T " + work_ / "fstab");
  EXPECT_EQ(again.status, 0) << again.output;
  EXPECT_EQ(mounts_below(place_).size(), 1u);
}

TEST_F(ProgramHelperTest, WrongOptionsAreIncorrectUse) {
  const auto unknown = mount("ro,nonsense");
  EXPECT_EQ(unknown.status, 1);
  EXPECT_THAT(unknown.output, HasSubstr("unknown mount option nonsense"));
  const auto value = mount("ttl=soon");
  EXPECT_EQ(value.status, 1);
  EXPECT_THAT(value.output, HasSubstr("ttl"));
  EXPECT_FALSE(mount_at(place_));
}

TEST_F(ProgramHelperTest, SloppyMountsPassOverUnknownOptions) {
  const auto mounted = mount("ro,nonsense", "-s");
  EXPECT_EQ(mounted.status, 0) << mounted.output;
  EXPECT_TRUE(file_is(place_ + "/file", "/pub/file", 1, kSize));
}

TEST_F(ProgramHelperTest, AnOriginThatDoesNotAnswerIsAFailedMount) {
  origin_.stop();
  const auto failed = mount("retries=0");
  EXPECT_EQ(failed.status, 32);
  EXPECT_THAT(failed.output, HasSubstr("cannot mount " + origin_.url("/pub/")));
}

TEST_F(ProgramHelperTest, AFakeMountChecksAndDoesNothing) {
  EXPECT_EQ(helper("-fn -o ttl=1h").status, 0);
  EXPECT_FALSE(mount_at(place_));
  EXPECT_EQ(helper("-f -o ttl=soon").status, 1);
  EXPECT_EQ(helper("-f -o nonsense").status, 1);
}

TEST_F(ProgramHelperTest, AVerboseMountSaysWhatItDid) {
  const auto mounted = helper("-v -o cache-location=" + work_ / "cache");
  EXPECT_EQ(mounted.status, 0);
  EXPECT_EQ(mounted.output, origin_.url("/pub/") + " is mounted on " + place_ + "\n");
}

}  // namespace
}  // namespace lazymirror::testing

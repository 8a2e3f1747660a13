// SPDX-License-Identifier: Apache-2.0
//
// The program in the background: what its user's shell sees of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include "support/child_process.h"
#include "support/daemon.h"
#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/temp_dir.h"
#include "unit/cli/program.h"

namespace lazymirror::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::chrono::seconds kLimit{60};

class ProgramMountTest : public ::testing::Test {
 protected:
  void SetUp() override {
    LM_REQUIRE(::access("/dev/fuse", R_OK | W_OK) == 0, "/dev/fuse cannot be opened");
    // Where it may: a mount that another process has a copy of outlives its umount.
    (void)enter_private_mounts();
    mountpoint_ = work_.make_dir("mnt");
    origin_.put("/file", {.size = 1000});
  }
  ~ProgramMountTest() override {
    for (const pid_t pid : processes_with(mountpoint_)) ::kill(pid, SIGKILL);
    unmount_below(work_.path());
  }

  Outcome mount(const std::string& more = "") {
    return run_program("mount " + more + " --cache-location " + work_ / "cache" + " " +
                       origin_.url() + " " + mountpoint_);
  }
  // The one daemon of this test. Throws: what kill(2) is told of -1 is told to all.
  pid_t daemon() {
    const auto found = processes_with(mountpoint_);
    if (found.size() != 1) throw std::runtime_error(std::to_string(found.size()) + " daemons");
    return found[0];
  }
  static bool ends(pid_t pid) {
    const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process.valid()) return true;
    pollfd ended{process.get(), POLLIN, 0};
    return ::poll(&ended, 1, 60'000) > 0;
  }
  std::string oracle(const std::string& path, std::size_t size) {
    std::string bytes(size, '\0');
    oracle_fill(path, 1, 0, std::as_writable_bytes(std::span(bytes)));
    return bytes;
  }

  TempDir work_;
  OracleOrigin origin_;
  std::string mountpoint_;
};

TEST_F(ProgramMountTest, TheTreeIsThereWhenTheProgramReturns) {
  const Outcome o = mount();
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(o.out, "");
  EXPECT_EQ(o.err, "");
  EXPECT_EQ(slurp(mountpoint_ + "/file"), oracle("/file", 1000));
}

TEST_F(ProgramMountTest, UmountEndsTheDaemon) {
  ASSERT_EQ(mount().status, 0);
  const pid_t pid = daemon();
  EXPECT_EQ(run_command({"umount", mountpoint_}).status, 0);
  EXPECT_TRUE(ends(pid));
}

TEST_F(ProgramMountTest, SigtermUnmounts) {
  ASSERT_EQ(mount().status, 0);
  const pid_t pid = daemon();
  ::kill(pid, SIGTERM);
  EXPECT_TRUE(ends(pid));
  EXPECT_FALSE(mount_at(mountpoint_));
}

TEST_F(ProgramMountTest, StopEndsTheDaemonAndUnmounts) {
  ASSERT_EQ(mount().status, 0);
  const pid_t pid = daemon();
  ASSERT_EQ(::symlink("mnt", (work_ / "link").c_str()), 0);
  const Outcome part = run_program("stop " + mountpoint_ + "/file");
  EXPECT_EQ(part.status, 1);
  EXPECT_THAT(part.err, HasSubstr("give its mount point, " + mountpoint_));
  const Outcome o = run_program("stop " + work_ / "link");
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_TRUE(ends(pid));
  EXPECT_FALSE(mount_at(mountpoint_));
}

TEST_F(ProgramMountTest, StopTakesAwayWhatAKilledDaemonLeft) {
  ASSERT_EQ(mount().status, 0);
  const pid_t pid = daemon();
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(ends(pid));
  const Outcome o = run_program("stop " + mountpoint_);
  EXPECT_EQ(o.status, 0) << o.err;
  EXPECT_FALSE(mount_at(mountpoint_));
}

TEST_F(ProgramMountTest, HangupOfTheTerminalDoesNotReachTheDaemon) {
  ASSERT_EQ(mount().status, 0);
  ::kill(daemon(), SIGHUP);
  EXPECT_EQ(slurp(mountpoint_ + "/file").size(), 1000u);
}

TEST_F(ProgramMountTest, TheDaemonLetsGoOfTheTerminalAndTheWorkingDirectory) {
  ASSERT_EQ(mount().status, 0);
  const std::string proc = "/proc/" + std::to_string(daemon());
  for (const char* fd : {"/fd/0", "/fd/1", "/fd/2"}) {
    EXPECT_EQ(std::filesystem::read_symlink(proc + fd), "/dev/null");
  }
  EXPECT_EQ(std::filesystem::read_symlink(proc + "/cwd"), "/");
}

TEST_F(ProgramMountTest, ASecondMountOfTheCacheSaysWhoHasIt) {
  ASSERT_EQ(mount().status, 0);
  const std::string other = work_.make_dir("other");
  const Outcome o =
      run_program("mount --cache-location " + work_ / "cache" + " " + origin_.url() + " " + other);
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr(std::to_string(daemon()))) << "the process that holds it";
  EXPECT_THAT(o.err, HasSubstr("--cache-location"));
}

TEST_F(ProgramMountTest, AFilledCacheIsMountedWithoutTheOriginAndSaysSo) {
  ASSERT_EQ(mount().status, 0);
  const std::string bytes = slurp(mountpoint_ + "/file");
  const pid_t pid = daemon();
  ASSERT_EQ(run_command({"umount", mountpoint_}).status, 0);
  ASSERT_TRUE(ends(pid));
  origin_.stop();
  const Outcome o = mount("--retries=0");
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_THAT(o.err, HasSubstr("serving what is cached"));
  EXPECT_EQ(slurp(mountpoint_ + "/file"), bytes);
}

TEST_F(ProgramMountTest, TheMountOfAKilledDaemonIsReplaced) {
  ASSERT_EQ(mount().status, 0);
  const pid_t pid = daemon();
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(ends(pid));
  const Outcome o = mount();
  ASSERT_EQ(o.status, 0) << o.err;
  EXPECT_EQ(slurp(mountpoint_ + "/file").size(), 1000u);
}

TEST_F(ProgramMountTest, ABusyMountPointIsRefused) {
  ASSERT_EQ(mount().status, 0);
  const Outcome o = run_program("mount --cache-location " + work_ / "cache2" + " " + origin_.url() +
                                " " + mountpoint_);
  EXPECT_EQ(o.status, 1);
  EXPECT_THAT(o.err, HasSubstr("umount"));
}

TEST_F(ProgramMountTest, OutputsAreClosedSoThatASubstitutionReturns) {
  // $(...) ends only when nobody holds the pipe any more.
  const auto result =
      run_shell("x=$(" + lazymirror_binary() + " mount --cache-location " + work_ / "cache" + " " +
                    origin_.url() + " " + mountpoint_ + " 2>&1); echo \"<$x>\"",
                kLimit);
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.output, "<>\n");
}

}  // namespace
}  // namespace lazymirror::testing

// SPDX-License-Identifier: Apache-2.0
//
// Starting, ending, and two at once.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "integration/integration.h"
#include "support/automount.h"

namespace lazymirror::testing {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

class ItsLife : public Integration {
 protected:
  ItsLife() { origin.put("/f", {.size = 300'000}); }

  // Ended well: gone from the table, and another can take over the cache.
  void expect_clean(Daemon& daemon, std::optional<int> status) {
    EXPECT_EQ(status, 0);
    EXPECT_FALSE(mount_at(mnt));
    origin.forget_requests();
    auto next = mounted();
    EXPECT_TRUE(is_right("/f", 300'000));
    EXPECT_EQ(origin.body_bytes("/f"), 0u) << "what was cached is durable after a clean end";
    (void)daemon;
  }
};

TEST_F(ItsLife, EndsCleanlyWithSigterm) {
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/f", 300'000));
  expect_clean(*daemon, daemon->terminate());
}

TEST_F(ItsLife, EndsCleanlyWithUmount) {
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/f", 300'000));
  EXPECT_EQ(run_command({"umount", mnt}).status, 0);
  expect_clean(*daemon, daemon->wait(seconds(30)));
}

TEST_F(ItsLife, EndsCleanlyWithFusermount) {
  auto daemon = mounted();
  ASSERT_TRUE(is_right("/f", 300'000));
  EXPECT_EQ(run_command({"fusermount3", "-u", mnt}).status, 0);
  expect_clean(*daemon, daemon->wait(seconds(30)));
}

TEST_F(ItsLife, EndsWithSigtermAlthoughAFileIsOpen) {
  auto daemon = mounted();
  const UniqueFd held(::open(at("/f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(held.valid());
  EXPECT_EQ(daemon->terminate(), 0);
  EXPECT_FALSE(mount_at(mnt));
}

TEST_F(ItsLife, EndsWithSigtermAlthoughTheOriginIsSilent) {
  auto daemon = mounted({"--timeout=2min"});
  origin.inject("/f", {.fault = Fault::stall_before_head, .times = 0});
  ChildProcess cat({.argv = {"cat", at("/f")}, .log_file = work / "cat"});
  ASSERT_TRUE(origin.wait_for_requests("/f", 1));
  EXPECT_EQ(daemon->terminate(seconds(60)), 0);
  EXPECT_TRUE(cat.wait(seconds(60))) << "its reader has got an error";
  EXPECT_FALSE(mount_at(mnt));
}

TEST_F(ItsLife, UmountOfABusyTreeIsRefusedAndChangesNothing) {
  auto daemon = mounted();
  const UniqueFd held(::open(at("/f").c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(held.valid());
  EXPECT_NE(run_command({"umount", mnt}).status, 0);
  EXPECT_TRUE(is_right("/f", 300'000));
}

TEST_F(ItsLife, ASecondDaemonForOneCacheSaysWhoHoldsIt) {
  auto first = mounted();
  const std::string elsewhere = work.make_dir("elsewhere");
  const auto second =
      run({"mount", "--foreground", "--cache-location=" + cache, origin.url(), elsewhere});
  EXPECT_EQ(second.status, 1);
  EXPECT_THAT(second.output, HasSubstr(std::to_string(first->pid())));
  EXPECT_FALSE(mount_at(elsewhere));
  EXPECT_TRUE(is_right("/f", 300'000)) << "the first is not disturbed";
}

TEST_F(ItsLife, OfTwoThatRaceForOneCacheOneWins) {
  for (int round = 0; round < 5; ++round) {
    const std::string other_mnt = work.make_dir("other");
    Daemon one({.url = origin.url(), .mountpoint = mnt, .cache = cache}, work);
    const TempDir other_work;
    Daemon two({.url = origin.url(), .mountpoint = other_mnt, .cache = cache}, other_work);
    // The loser ends, the winner mounts.
    ASSERT_TRUE(eventually([&] { return one.wait({}) || two.wait({}); }, seconds(20)));
    Daemon& loser = one.wait({}) ? one : two;
    Daemon& winner = one.wait({}) ? two : one;
    EXPECT_EQ(loser.wait({}), 1);
    EXPECT_TRUE(winner.ready());
    EXPECT_TRUE(file_is(winner.mountpoint() + "/f", "/f", 1, 300'000));
    EXPECT_EQ(winner.terminate(), 0);
  }
}

// As by a line of fstab with x-systemd.automount.
TEST_F(ItsLife, BeginsWithTheFirstLookAtAnAutomount) {
  const Automount automount(mnt);
  ChildProcess reader(
      {.argv = {"setsid", "-w", "cp", at("/f"), work / "copy"}, .log_file = work / "reader"});
  CommandResult mounted;
  ASSERT_TRUE(automount.serve(
      [&] {
        mounted = run({"mount", "--cache-location=" + cache, origin.url(), mnt});
      },
      seconds(30)));
  EXPECT_EQ(mounted.status, 0) << mounted.output;
  EXPECT_EQ(reader.wait(seconds(30)), 0) << slurp(work / "reader");
  EXPECT_TRUE(file_is(work / "copy", "/f", 1, 300'000));
  EXPECT_EQ(run_command({"umount", mnt}).status, 0);
  EXPECT_EQ(mount_at(mnt)->type, "autofs");
}

// By root, beside whoever serves the automount and mounts the same.
TEST_F(ItsLife, DoesNotSetOffTheAutomountBelow) {
  const Automount automount(mnt);
  const auto by_hand = run_command({"setsid", "-w", lazymirror_binary(), "mount",
                                    "--cache-location=" + cache, origin.url(), mnt});
  EXPECT_EQ(by_hand.status, 0) << by_hand.output;
  EXPECT_TRUE(is_right("/f", 300'000));
  EXPECT_EQ(run_command({"umount", mnt}).status, 0);
}

TEST_F(ItsLife, GoesToTheBackgroundOnceTheMountAnswers) {
  const auto parent = run({"mount", "--cache-location=" + cache, origin.url(), mnt});
  EXPECT_EQ(parent.status, 0) << parent.output;
  EXPECT_EQ(parent.output, "") << "nothing to say when all is well";
  ASSERT_TRUE(mount_at(mnt)) << "at once, without waiting";
  EXPECT_TRUE(is_right("/f", 300'000));
  EXPECT_EQ(run_command({"umount", mnt}).status, 0);
  EXPECT_TRUE(eventually([&] {
    return run_command({"pgrep", "-f", "--", "--cache-location=" + cache}).status == 1;
  })) << "the daemon ends with its mount";
}

TEST_F(ItsLife, InTheBackgroundTellsItsErrorsOnTheTerminal) {
  origin.stop();
  const auto parent = run({"mount", "--retries=0", "--cache-location=" + cache, origin.url(), mnt});
  EXPECT_EQ(parent.status, 1);
  EXPECT_THAT(parent.output, HasSubstr(origin.url()));
  EXPECT_FALSE(mount_at(mnt));
}

TEST_F(ItsLife, TakesTheAncestorsCommandLine) {
  const auto parent = run({"--cache-location", cache, origin.url(), mnt});
  EXPECT_EQ(parent.status, 0) << parent.output;
  EXPECT_TRUE(is_right("/f", 300'000));
  EXPECT_EQ(run_command({"umount", mnt}).status, 0);
  EXPECT_TRUE(eventually([&] { return run_command({"pgrep", "-f", "--", cache}).status == 1; }));
}

}  // namespace
}  // namespace lazymirror::testing

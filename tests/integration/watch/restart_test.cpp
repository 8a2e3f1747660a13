// SPDX-License-Identifier: Apache-2.0
//
// What one run leaves to the next one, be it in place or a mount.
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "integration/recorded.h"
#include "integration/watch/watch.h"

namespace lazymirror::testing {
namespace {

constexpr std::uint64_t kSize = 1'000'003;

class Restarting : public OnEachFs {};
INSTANTIATE_TEST_SUITE_P(All, Restarting, ::testing::ValuesIn(each_way()), fs_name);

TEST_P(Restarting, ServesFromTheCacheAfterARestart) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  ASSERT_EQ(daemon->terminate(), 0);
  daemon.reset();
  origin.forget_requests();
  daemon = watched();
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_EQ(origin.body_bytes("/d/f"), 0u);
}

TEST_P(Restarting, ServesWhatIsCachedWithoutItsOrigin) {
  origin.put("/d/f", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  ASSERT_EQ(daemon->terminate(), 0);
  daemon.reset();
  origin.stop();
  daemon = watched({"--retries=0", "--timeout=20s"});
  EXPECT_TRUE(is_right("/d/f", kSize));
}

TEST_P(Restarting, OfflineServesWhatIsCachedAndAsksNobody) {
  origin.put("/d/f", {.size = kSize});
  origin.put("/d/missing", {.size = kSize});
  auto daemon = watched();
  ASSERT_TRUE(is_right("/d/f", kSize));
  ASSERT_EQ(daemon->terminate(), 0);
  daemon.reset();
  origin.forget_requests();
  daemon = watched({"--offline", "--timeout=2min"});
  EXPECT_TRUE(is_right("/d/f", kSize));
  const auto before = std::chrono::steady_clock::now();
  EXPECT_EQ(read_error(at("/d/missing")), EIO);
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(60));
  EXPECT_TRUE(origin.requests().empty());
}

// Both kinds of run on one cache, one after the other.
class TakingTurns : public OnEachFs {
 protected:
  TakingTurns() : mnt_(work.make_dir("mnt")) {
    origin.put("/d/f", {.size = kSize});
    origin.put("/d/g", {.size = kSize});
  }

  std::unique_ptr<Daemon> start_mount() {
    return std::make_unique<Daemon>(
        DaemonOptions{.url = origin.url(), .mountpoint = mnt_, .cache = cache}, work);
  }
  std::unique_ptr<Daemon> mounted() {
    auto daemon = start_mount();
    EXPECT_TRUE(daemon->ready());
    return daemon;
  }
  ::testing::AssertionResult is_right_mounted(const std::string& path) {
    return file_is(mnt_ + path, path, 1, kSize);
  }
  ::testing::AssertionResult each_was_fetched_once() {
    for (const char* path : {"/d/f", "/d/g"}) {
      const auto sent = origin.body_bytes(path);
      if (sent != kSize) return ::testing::AssertionFailure() << path << ": " << sent << " bytes";
    }
    return ::testing::AssertionSuccess();
  }
  // Without its worker on guard, and both at their end: nothing of the run is
  // left but what it wrote and mounted.
  static void kill_both(Daemon& keeper) {
    const pid_t worker = worker_of(keeper.pid());
    ASSERT_GT(worker, 0);
    const UniqueFd end(static_cast<int>(::syscall(SYS_pidfd_open, worker, 0)));
    ASSERT_TRUE(end.valid());
    ASSERT_EQ(::kill(keeper.pid(), SIGSTOP), 0);
    ASSERT_EQ(::kill(worker, SIGKILL), 0);
    keeper.kill();
    pollfd ended{end.get(), POLLIN, 0};
    ASSERT_EQ(::poll(&ended, 1, 60'000), 1);
  }

 private:
  const std::string mnt_;
};
INSTANTIATE_TEST_SUITE_P(All, TakingTurns, ::testing::ValuesIn(each_fs()), fs_name);

TEST_P(TakingTurns, WatchAndMountFetchNothingTwice) {
  auto mount = mounted();
  ASSERT_TRUE(is_right_mounted("/d/f"));
  ASSERT_EQ(mount->terminate(), 0);
  mount.reset();

  auto watch = watched();
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_TRUE(is_right("/d/g", kSize));
  ASSERT_EQ(watch->terminate(), 0);
  watch.reset();

  mount = mounted();
  EXPECT_TRUE(is_right_mounted("/d/g"));
  EXPECT_TRUE(is_right_mounted("/d/f"));
  EXPECT_TRUE(each_was_fetched_once());
}

TEST_P(TakingTurns, WatchAndMountFetchNothingTwiceAlsoAfterKills) {
  auto mount = mounted();
  ASSERT_TRUE(is_right_mounted("/d/f"));
  ASSERT_TRUE(wait_until_recorded(cache, kSize));
  mount->kill();
  mount.reset();

  auto watch = watched();
  EXPECT_TRUE(is_right("/d/f", kSize));
  EXPECT_TRUE(is_right("/d/g", kSize));
  ASSERT_TRUE(wait_until_recorded(cache, 2 * kSize));
  kill_both(*watch);
  ASSERT_FALSE(HasFatalFailure());
  mount = start_mount();
  EXPECT_EQ(mount->wait(std::chrono::seconds(20)), 1) << "what was left is in its way";
  EXPECT_THAT(mount->log(), ::testing::HasSubstr("run 'lazymirror stop " + cache));
  watch.reset();  // stops it

  mount = mounted();
  EXPECT_TRUE(is_right_mounted("/d/g"));
  EXPECT_TRUE(is_right_mounted("/d/f"));
  EXPECT_TRUE(each_was_fetched_once());
}

}  // namespace
}  // namespace lazymirror::testing

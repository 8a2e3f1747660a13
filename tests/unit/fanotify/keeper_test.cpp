// SPDX-License-Identifier: Apache-2.0
//
// Keeper and worker as processes: who is killed, who waits, who gets what. The
// worker is a toy (toy_watch.cpp); the kernel, the file systems and the
// readers are real.
#include "fanotify/keeper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "support/mounts.h"
#include "support/oracle_origin.h"
#include "support/skip.h"
#include "support/truth.h"
#include "support/waiting.h"
#include "toy_cache.h"

namespace lazymirror::fanotify {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::SmallFs;
using SteadyClock = std::chrono::steady_clock;

class KeeperTest : public ::testing::TestWithParam<SmallFs::Kind> {
 protected:
  void SetUp() override {
    LM_REQUIRE(SmallFs::available() && testing::enter_private_mounts(), "needs root for mounting");
    cache_ = std::make_unique<ToyCache>(GetParam());
  }

  std::unique_ptr<ToyCache> cache_;
};

struct Outcome {
  int error = 0;
  bool right = true;
  milliseconds took{0};
};

// One pread of a page in the middle of the file.
Outcome read_page(const std::string& file, std::uint64_t offset = 128u << 10) {
  Outcome outcome;
  const auto begin = SteadyClock::now();
  std::array<std::byte, 4096> page{};
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid() || ::pread(fd.get(), page.data(), page.size(), static_cast<off_t>(offset)) < 0) {
    outcome.error = errno;
  } else {
    const std::string name = file.substr(file.rfind('/'));
    outcome.right = !testing::oracle_mismatch(name, 1, offset, page);
  }
  outcome.took = std::chrono::duration_cast<milliseconds>(SteadyClock::now() - begin);
  return outcome;
}

TEST_P(KeeperTest, GivesReadersTheBytesOfTheWorker) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  EXPECT_TRUE(testing::file_is(file, "/a", 1, ToyCache::kSize));
}

TEST_P(KeeperTest, LetsNobodyReadZerosWhenWorkersAreKilled) {
  constexpr int kKills = 20;
  for (int i = 0; i <= kKills; ++i) cache_->add("f" + std::to_string(i));
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  std::atomic<int> reads{0}, wrong{0}, errors{0};
  std::atomic<bool> enough{false};
  std::thread reader([&] {
    for (std::uint64_t page = 0; !enough; ++page) {
      const std::string name = "/data/f" + std::to_string(page % kKills);
      const auto outcome = read_page(cache_->path() + name, page / kKills % 64 * 4096);
      ++reads;
      if (outcome.error != 0) ++errors;
      if (!outcome.right) ++wrong;
    }
  });
  pid_t worker = 0;
  int killed = 0;
  for (; killed < kKills; ++killed) {
    worker = cache_->worker_after(worker);
    if (worker == 0) break;
    const int before = reads;
    if (killed % 2 == 0) (void)testing::eventually([&] { return reads > before; });
    ::kill(worker, SIGKILL);
  }
  const int at_last_kill = reads;
  EXPECT_TRUE(testing::eventually([&] { return reads > at_last_kill + 1; }));
  enough = true;
  reader.join();
  EXPECT_EQ(killed, kKills) << cache_->keeper().log();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(errors, 0) << cache_->keeper().log();
}

TEST_P(KeeperTest, GivesTheWaitingReaderOfADeadWorkerToTheNextOne) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  const pid_t first = cache_->worker();
  ASSERT_GT(first, 0);
  ASSERT_EQ(::kill(first, SIGSTOP), 0);
  Outcome outcome;
  std::thread reader([&] { outcome = read_page(file); });
  // It waits: nobody can have answered it.
  testing::let_pass(milliseconds(100));
  ASSERT_EQ(::kill(first, SIGKILL), 0);
  reader.join();
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(outcome.right);
  EXPECT_NE(cache_->worker(), first);
}

TEST_P(KeeperTest, ReplacesAWorkerThatHangs) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  ASSERT_TRUE(cache_->signal_worker(SIGSTOP));
  const Outcome outcome = read_page(file);
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(outcome.right);
  EXPECT_LE(outcome.took, seconds(30));
  const std::string log = cache_->keeper().log();
  EXPECT_NE(log.find("does not answer and is replaced"), std::string::npos) << log;
}

TEST_P(KeeperTest, GoesOnAfterAPauseThatNobodyEnds) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start("pause")) << cache_->keeper().log();
  const Outcome outcome = read_page(file);
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(outcome.right);
}

TEST_P(KeeperTest, DeniesWhatIsNeverAnswered) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start("silent", 1'000)) << cache_->keeper().log();
  const Outcome outcome = read_page(file);
  EXPECT_EQ(outcome.error, EIO);
  EXPECT_GE(outcome.took, milliseconds(1'500));
  EXPECT_LE(outcome.took, seconds(20));
  EXPECT_TRUE(cache_->keeper().running());
}

TEST_P(KeeperTest, DeniesAlsoWhileNoWorkerComesToLife) {
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start("crash", 1'000)) << cache_->keeper().log();
  ASSERT_TRUE(cache_->signal_worker(SIGKILL));
  const Outcome outcome = read_page(file);
  EXPECT_EQ(outcome.error, EIO);
  EXPECT_LE(outcome.took, seconds(20));
}

TEST_P(KeeperTest, TellsWhyTheFirstWorkerCannotServe) {
  EXPECT_TRUE(cache_->start_fails_with("refuse", "the origin says no")) << cache_->keeper().log();
}

TEST_P(KeeperTest, LeavesAGuardWhenItIsKilledAndStartsAgain) {
  const std::string cold = cache_->add("cold"), waiting = cache_->add("waiting");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  const pid_t worker = cache_->worker();
  ASSERT_GT(worker, 0);
  ASSERT_EQ(::kill(worker, SIGSTOP), 0);
  Outcome outcome;
  std::thread reader([&] { outcome = read_page(waiting); });
  testing::let_pass(milliseconds(100));
  cache_->keeper().kill();
  ASSERT_EQ(::kill(worker, SIGCONT), 0);
  reader.join();
  EXPECT_TRUE(outcome.error == EIO || outcome.right) << outcome.error;
  EXPECT_EQ(read_page(cold).error, EIO);
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  EXPECT_TRUE(is_over(worker)) << "the guard is still there";
  EXPECT_TRUE(testing::file_is(cold, "/cold", 1, ToyCache::kSize));
}

TEST_P(KeeperTest, ServesAThousandReadersAtOnce) {
  constexpr std::size_t kReaders = 1'000;
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  ASSERT_TRUE(cache_->signal_worker(SIGSTOP));  // so that all wait at once
  std::vector<Outcome> outcomes(kReaders);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { outcomes[i] = read_page(file, i % 64 * 4096); });
  }
  testing::let_pass(milliseconds(500));
  (void)cache_->signal_worker(SIGCONT);  // or another one has taken its place
  for (std::thread& reader : readers) reader.join();
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.error, 0);
    EXPECT_TRUE(outcome.right);
  }
}

TEST_P(KeeperTest, LetsReadersWaitWhenDescriptorsRunOut) {
  constexpr std::size_t kReaders = 400;
  const std::string file = cache_->add("a");
  ASSERT_TRUE(cache_->start("fill", 20'000, "200")) << cache_->keeper().log();
  ASSERT_TRUE(cache_->signal_worker(SIGSTOP));
  std::vector<Outcome> outcomes(kReaders);
  std::vector<std::thread> readers;
  for (std::size_t i = 0; i < kReaders; ++i) {
    readers.emplace_back([&, i] { outcomes[i] = read_page(file, i % 64 * 4096); });
  }
  testing::let_pass(milliseconds(500));
  (void)cache_->signal_worker(SIGCONT);  // or another one has taken its place
  for (std::thread& reader : readers) reader.join();
  for (const Outcome& outcome : outcomes) {
    EXPECT_TRUE(outcome.right);
    EXPECT_EQ(outcome.error, 0);
  }
}

TEST_P(KeeperTest, IsNotStalledByALeaseOnTheOwnFile) {
  const std::string leased = cache_->add("leased"), other = cache_->add("other");
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  const UniqueFd holder(::open(leased.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::fcntl(holder.get(), F_SETLEASE, F_WRLCK), 0) << errno;
  ::signal(SIGIO, SIG_IGN);
  std::array<char, 16> byte{};
  EXPECT_LT(::pread(holder.get(), byte.data(), byte.size(), 0), 0);
  EXPECT_EQ(errno, EPERM);
  const Outcome outcome = read_page(other);
  EXPECT_EQ(outcome.error, 0);
  EXPECT_TRUE(outcome.right);
  EXPECT_LE(outcome.took, seconds(30));
}

TEST_P(KeeperTest, KeepsAndGivesUpPrivileges) {
  ASSERT_TRUE(cache_->start()) << cache_->keeper().log();
  const pid_t keeper = cache_->keeper().pid(), worker = cache_->worker();
  for (const char* key : {"CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"}) {
    EXPECT_EQ(status_line(worker, key), "0000000000000000") << key;
  }
  for (const pid_t pid : {keeper, worker}) {
    EXPECT_EQ(status_line(pid, "NoNewPrivs"), "1");
    EXPECT_EQ(status_line(pid, "Seccomp"), "2");
  }
  EXPECT_FALSE(status_line(worker, "Uid").starts_with("0"));
  EXPECT_EQ(status_line(worker, "Groups"), "");
  // CAP_SYS_ADMIN, SYS_PTRACE, SYS_CHROOT, KILL, DAC_READ_SEARCH, FOWNER, SETUID, SETGID, SETPCAP
  constexpr std::uint64_t kAllowed = 1ULL << 21 | 1ULL << 19 | 1ULL << 18 | 1ULL << 5 | 1ULL << 2 |
                                     1ULL << 3 | 1ULL << 7 | 1ULL << 6 | 1ULL << 8;
  for (const char* key : {"CapEff", "CapPrm", "CapBnd"}) {
    EXPECT_EQ(std::stoull(status_line(keeper, key), nullptr, 16) & ~kAllowed, 0U) << key;
  }
}

TEST_P(KeeperTest, LeavesNothingBehindWhenToldToStop) {
  const std::string waiting = cache_->add("waiting");
  ASSERT_TRUE(cache_->start("silent")) << cache_->keeper().log();
  const std::size_t mounts = testing::mounts_below("/").size();
  const pid_t worker = cache_->worker();
  Outcome outcome;
  std::thread reader([&] { outcome = read_page(waiting); });
  EXPECT_TRUE(testing::eventually(
      [&] { return cache_->keeper().log().find("told\n") != std::string::npos; }));
  cache_->keeper().signal(SIGTERM);
  reader.join();
  EXPECT_EQ(outcome.error, EIO);
  EXPECT_EQ(cache_->keeper().wait(seconds(60)), 0) << cache_->keeper().log();
  EXPECT_TRUE(is_over(worker));
  EXPECT_EQ(testing::mounts_below("/").size(), mounts);
}

std::string name_of(const ::testing::TestParamInfo<SmallFs::Kind>& kind) {
  if (kind.param == SmallFs::Kind::ext4) return "Ext4";
  return kind.param == SmallFs::Kind::xfs ? "Xfs" : "Btrfs";
}

INSTANTIATE_TEST_SUITE_P(On, KeeperTest,
                         ::testing::Values(SmallFs::Kind::ext4, SmallFs::Kind::xfs,
                                           SmallFs::Kind::btrfs),
                         name_of);

}  // namespace
}  // namespace lazymirror::fanotify
